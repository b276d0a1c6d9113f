import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedPage } from '../../scripts/generated-page.ts';
import { locked } from '../lab/process.ts';

/** docs/fault-table.md: what is known of each fault, read back from the page itself. */

export interface Row {
  id: string;
  fault: string;
  step: string;
  end: string;
  result: 'held' | 'FAILED';
  said: string;
  seconds: number;
  /** `2026-01-31`. */
  date: string;
  commit: string;
  /** Of the sources; a row of other sources is stale. */
  hash: string;
}

/** The table's faults in their order, and the hash of the sources today. */
export interface PageFacts {
  ids: readonly string[];
  hash: string;
}

const pagePath = join(import.meta.dirname, '../../docs/fault-table.md');
const cell = (text: string) =>
  text
    .replaceAll('\n', ' ')
    .replaceAll('|', String.raw`\|`)
    .trim();

export function parseRows(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', fault = '', step = '', end = '', result = '', said = '', seconds = '', ...rest] = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((each) => each.trim().replaceAll(String.raw`\|`, '|'));
    const [date = '', commit = '', hash = ''] = rest;
    if (!id.startsWith('`')) return [];
    const row: Row = {
      id: id.replaceAll('`', ''),
      fault,
      step,
      end,
      result: result.startsWith('held') ? 'held' : 'FAILED',
      said,
      seconds: Number(seconds),
      date,
      commit,
      hash,
    };
    return [row];
  });
}

export function pageText(rows: readonly Row[], { ids, hash }: PageFacts): string {
  const known = ids.flatMap((id) => rows.find((row) => row.id === id) ?? []);
  const fresh = known.filter((row) => row.hash === hash);
  const stale = known.length - fresh.length;
  const missing = ids.length - known.length;
  const lines = known.map((row) => {
    const result = `${row.result}${row.hash === hash ? '' : ' (stale)'}`;
    const cells = [row.fault, row.step, row.end, result, row.said, String(row.seconds), row.date, row.commit];
    return `| \`${row.id}\` | ${[...cells, row.hash].map(cell).join(' | ')} |`;
  });
  return `# Faults

\`npm run test:faults\` does each of these to an upgrade on a real node, looks at what the run says and leaves behind, and
types the same command again until it ends. Held means: the exit code and the words are the documented ones, no well and no
dump was lost, nothing half-written lies under a real name, and in the end the host is as after an undisturbed upgrade.
\`goes on\`: the run was not stopped by it; \`killed\`: it took the process along.
A row counts while src/, payload-spec/ and test/lab/ have the hash that it names; otherwise it is stale.

Of ${ids.length} faults ${fresh.filter((row) => row.result === 'held').length} held with today's sources, ${fresh.filter((row) => row.result === 'FAILED').length} did not; ${stale} rows are stale, ${missing} were never tried.

| Id | Fault | Step | Run's end | Result | It said | Seconds | Date | Commit | Sources |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}

/** Writes rows over those of the same ids. Other processes may write at the same time. */
export function updatePage(rows: readonly Row[], facts: PageFacts): Promise<void> {
  return locked('fault-page', async () => {
    const earlier = existsSync(pagePath) ? parseRows(readFileSync(pagePath, 'utf8')) : [];
    const others = earlier.filter(({ id }) => !rows.some((row) => row.id === id));
    const page = await generatedPage(
      'fault-table.md',
      'npm run test:faults',
      pageText([...rows, ...others], facts),
    );
    writeFileSync(page.path, page.text);
  });
}
