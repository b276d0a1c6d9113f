import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../lab/paths.ts';
import { locked } from '../lab/process.ts';
import { pageText, parseRows } from './page.ts';
import type { Page, Row, Rows } from './page.ts';
import { commitName, sourceHash } from './sources.ts';

/**
 * What was tried is remembered twice: in the page, and for each state of the sources in the cache, from which
 * a page that was replaced meanwhile (by another checkout, another branch) gets its rows back.
 */

const pagePath = ({ file }: Page) => join(import.meta.dirname, '../../docs', file);
const memoryFolder = (hash: string) => join(cacheFolder, 'proofs', hash);
const memoryPath = ({ file }: Page, hash: string) =>
  join(memoryFolder(hash), file.replace(/\.md$/, '.jsonl'));

const readText = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/** A row of today's sources in the page stands; any other gives way to what the cache remembers. */
export function overlaid(rows: Rows, remembered: readonly (Row & { section: string })[], hash: string): Rows {
  const merged = Object.fromEntries(Object.entries(rows).map(([title, of]) => [title, [...of]]));
  const newest = new Map(remembered.map((row) => [`${row.section}/${row.id}`, row]));
  for (const { section, ...row } of newest.values()) {
    const of = (merged[section] ??= []);
    const at = of.findIndex(({ id }) => id === row.id);
    if (at === -1) of.push(row);
    else if (of[at]?.hash !== hash) of[at] = row;
  }
  return merged;
}

function remembered(page: Page, hash: string): (Row & { section: string })[] {
  // A line that was cut off when its writer was killed is none.
  return readText(memoryPath(page, hash))
    .split('\n')
    .flatMap((line) => (line.endsWith('}') ? [JSON.parse(line) as Row & { section: string }] : []));
}

/** All that is known of a page's cases. */
export function readRows(page: Page, hash = sourceHash()): Rows {
  return overlaid(parseRows(page, readText(pagePath(page))), remembered(page, hash), hash);
}

/** Writes the page again from what is known. */
export const refreshPage = (page: Page): Promise<Rows> => updatePage(page, '', []);

/** Puts rows of one section in their places; another command may be writing, too. */
function updatePage(page: Page, section: string, fresh: readonly Row[]): Promise<Rows> {
  const hash = sourceHash();
  return locked(`proof-${page.file}`, async () => {
    const rows = readRows(page, hash);
    for (const row of fresh) {
      const others = (rows[section] ?? []).filter(({ id }) => id !== row.id);
      rows[section] = [...others, row];
    }
    writeFileSync(pagePath(page), await pageText(page, rows, hash, readText(pagePath(page))));
    return rows;
  });
}

/** Keeps rows of a page for as long as the sources are those that `hash` names. */
export function keeper(page: Page, section = ''): (rows: readonly ToKeep[]) => Promise<Rows> {
  const hash = sourceHash();
  return async (kept) => {
    // What ran is not what is there now, and no row may say so.
    if (sourceHash() !== hash) throw new Error('the sources changed meanwhile: type the command again');
    const date = new Date().toISOString().slice(0, 10);
    const rows = kept.map((row): Row => ({ ...row, date, commit: commitName(), hash }));
    mkdirSync(memoryFolder(hash), { recursive: true });
    for (const row of rows)
      appendFileSync(memoryPath(page, hash), `${JSON.stringify({ ...row, section })}\n`);
    return updatePage(page, section, rows);
  };
}

export type ToKeep = Pick<Row, 'id' | 'cells' | 'passed' | 'seconds'>;
