import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { formatBytes } from '../src/policy/format-bytes.ts';
import { formatDuration } from '../src/ui/format.ts';
import { contest, type Row, type Series } from './bench-measure.ts';
import { commandLine, refuse } from '../build/command-line.ts';
import { payloadBench } from './bench-payload.ts';

/**
 * `npm run bench -- payload`: each budget of the payload beside its reference in one run, in turns, as ratios
 * of medians. Prints a table with OK or MISSED a row; a missed budget is no failure of the command.
 */

const usage = `usage: npm run bench -- payload [--size SIZE] [--runs N] [--only TEXT] [--huge-pages] [--write]
  --size   incompressible payload for verify, extract-file and pack, e.g. 512m or 1g (default 4g);
           start-up is measured on sparse files of 1, 8 and 10 GiB
  --runs   measurements of each kind (default 5; start-up takes three times as many)
  --only   rows whose name holds this text
  --huge-pages
           instead of all: what huge pages and the second start for them gain (as root)
  --write  keeps the table in docs/performance.md`;

const { values, positionals } = commandLine(
  usage,
  {
    size: { type: 'string', default: '4g' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    'huge-pages': { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
  { words: true },
);
const size = /^(\d+)([mg])$/.exec(values.size);
if (positionals.join(' ') !== 'payload') throw refuse('what is measured is: payload', usage);
if (size === null) throw refuse(`--size ${values.size}: no size`, usage);
const sizeMib = Number(size[1]) * (size[2] === 'g' ? 1024 : 1);
const runs = Number(values.runs);

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs/performance.md');
const [begin, end] = ['<!-- the table of the bench -->', '<!-- end of the table -->'];
const git = async (...args: string[]) => (await $({ cwd: root })`git ${args}`).stdout.trim();

const time = ({ medianMs, leastMs, mostMs }: Series) => {
  const text = (ms: number) => (ms < 2000 ? `${Math.round(ms)} ms` : formatDuration(ms));
  return `${text(medianMs)} (${text(leastMs)}-${text(mostMs)})`;
};

async function cellsOf(row: Row): Promise<string[]> {
  const { work, budget, against } = row;
  if (row.missing !== undefined) return [work, against, budget, '', '', '', '', row.missing];
  const { ours, reference } = await contest(row, row.startsOnly ? 3 * runs : runs);
  const memory = `${formatBytes(ours.peakBytes)} / ${formatBytes(reference.peakBytes)}`;
  const ratio = (ours.medianMs / reference.medianMs).toFixed(2);
  const verdict = row.isLimit ? 'limit' : row.keeps(ours, reference) ? 'OK' : 'MISSED';
  return [work, against, budget, time(ours), time(reference), ratio, memory, verdict];
}

/** As the formatter of the repository would lay it out. */
function markdown(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  const [heading, ...body] = rows;
  return [line(heading!), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ivaap/bench');
mkdirSync(cache, { recursive: true });
const work = mkdtempSync(join(cache, 'run-'));
try {
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const { only, 'huge-pages': hugePages } = values;
  const rows = await payloadBench({ work, sizeMib, only, hugePages, say });
  const table = [
    ['work', 'against', 'budget', 'ours, median (spread)', 'reference', 'ratio', 'memory', 'verdict'],
  ];
  for (const row of rows) {
    say(`measuring ${row.work} against ${row.against} …`);
    table.push(await cellsOf(row));
  }
  const cpu = `${cpus().length} x ${cpus()[0]?.model ?? 'processor'}`;
  const machine = `${cpu}, ${formatBytes(totalmem())} of memory, Linux ${release()}`;
  const changes = (await git('status', '--porcelain')) === '' ? '' : ' with changes';
  const commit = `${await git('rev-parse', '--short=12', 'HEAD')}${changes}`;
  const day = new Date().toISOString().slice(0, 10);
  const taken = `${machine}; payload of ${values.size}, ${runs} runs; commit ${commit}, ${day}.`;
  const text = `${taken}\n\n${markdown(table)}`;
  console.log(text);
  // The page's table is that of the budgets.
  if (values.write && !hugePages) {
    const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin);
    writeFileSync(page, `${before}${begin}\n\n${text}\n\n${end}${rest.split(end)[1] ?? ''}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
