import { parseArgs } from 'node:util';
import { drawn } from '../crash/draw.ts';
import { commitHash, sourceHash } from '../crash/source-hash.ts';
import type { Result } from './chain.ts';
import { updatePage } from './fault-page.ts';
import type { Row } from './fault-page.ts';
import { chainsOf, goThrough, ids } from './go-through.ts';

/**
 * `npm run test:faults -- [--only TEXT] [--chain NAME] [--draw N] [--hosts N] [--list]`: goes through the table of faults
 * on the lab, chains side by side, writes docs/fault-table.md and ends with `faults tried N, held N`. `--only` and `--chain`
 * may be repeated; `--draw` takes faults by the commit's hash. Exit 1 unless all held.
 */
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    chain: { type: 'string', multiple: true },
    draw: { type: 'string' },
    hosts: { type: 'string', default: '2' },
    list: { type: 'boolean', default: false },
  },
});

const commit = commitHash();
const hash = sourceHash();
const cut = (text: string, length: number) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const verdict = ({ problems }: Result) => (problems.length === 0 ? 'held' : 'FAILED');

const row = (result: Result): Row => ({
  id: result.fault.id,
  fault: result.fault.fault,
  step: result.fault.step ?? 'whole run',
  end: typeof result.end === 'number' ? `exit ${result.end}` : result.end,
  result: verdict(result),
  said: cut(result.said, 160),
  seconds: Math.round(result.seconds),
  date: new Date().toISOString().slice(0, 10),
  commit: commit.slice(0, 8),
  hash,
});

function table(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const { fault, end, seconds, said } = result;
    return [verdict(result), fault.id, String(end), `${seconds.toFixed(0)} s`, cut(said, 80)];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) => cells.map((text, at) => text.padEnd(widths[at] ?? 0)).join('  ')).join('\n');
}

const chosen = values.draw === undefined ? ids : drawn(ids, Number(values.draw), commit);
const chains = chainsOf(
  (id, chain) =>
    chosen.includes(id) &&
    (values.only?.some((text) => id.includes(text)) ?? true) &&
    (values.chain?.includes(chain) ?? true),
);

if (values.list) {
  for (const { name, faults } of chains)
    for (const { id, fault } of faults) console.log(`${name}: ${id}: ${fault}`);
} else {
  const { results, broken } = await goThrough(chains, {
    hosts: Number(values.hosts),
    say: (line) => console.log(line),
    onChain: (done) => updatePage(done.map(row), { ids, hash }),
  });
  for (const { fault, problems, output } of results.filter(({ problems: of }) => of.length > 0)) {
    console.log(`\n==== ${fault.id}\n${problems.join('\n')}\n${output.slice(-4000)}`);
  }
  const held = results.filter(({ problems }) => problems.length === 0).length;
  const tried = results.length + broken.length;
  console.log(`\n${table(results)}\nfaults tried ${tried}, held ${held}`);
  process.exitCode = tried > 0 && tried === held ? 0 : 1;
}
