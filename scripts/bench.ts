import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, homedir, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { formatBytes } from '../src/policy/format-bytes.ts';
import { formatDuration } from '../src/ui/format.ts';
import { contest, type Row, type Series } from './bench-measure.ts';
import { commandLine, refuse } from '../build/command-line.ts';
import { databaseBench } from './bench-database.ts';
import { downtimeBench } from './bench-downtime.ts';
import { payloadBench } from './bench-payload.ts';

/**
 * `npm run bench`: each budget beside its reference in one run, in turns, as ratios of medians. Prints a
 * table with OK or MISSED a row for each kind of work; a missed budget is no failure of the command.
 */

const usage = `usage: npm run bench -- [payload] [database] [downtime] [--size SIZE] [--rows N] [--runs N]
                         [--only TEXT] [--huge-pages] [--write]
  payload    packing, reading and unpacking a file; database: dumps and restores; both unless one is named
  downtime   on lab hosts: how long an upgrade takes the administration away, beside Helm by hand
  --size     incompressible payload for verify, extract-file and pack (default 4g), and the database (default
             1g), e.g. 512m or 1g; start-up is measured on sparse files of 1, 8 and 10 GiB
  --rows     rows of the database (default 1000000)
  --runs     measurements of each kind (default 5, of downtime 3; start-up takes three times as many)
  --only     rows whose name holds this text
  --huge-pages
             instead of all: what huge pages and the second start for them gain (as root)
  --write    keeps the tables in docs/performance.md`;

const { values, positionals } = commandLine(
  usage,
  {
    size: { type: 'string' },
    rows: { type: 'string', default: '1000000' },
    runs: { type: 'string' },
    only: { type: 'string', default: '' },
    'huge-pages': { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
  { words: true },
);
const kinds = ['payload', 'database', 'downtime'] as const;
const other = positionals.find((word) => !(kinds as readonly string[]).includes(word));
if (other !== undefined) throw refuse(`there is no bench "${other}"`, usage);
const usual: readonly string[] = positionals.length === 0 ? ['payload', 'database'] : positionals;
const named = values['huge-pages'] ? ['payload'] : usual;
const chosen = kinds.filter((kind) => named.includes(kind));
const numberOf = (name: 'rows' | 'runs', text: string) => {
  const number = Number(text);
  return Number.isInteger(number) && number > 0
    ? number
    : refuse(`--${name} takes a number from 1 up`, usage);
};
const runs = numberOf('runs', values.runs ?? '5');
const upgrades = numberOf('runs', values.runs ?? '3');
const tableRows = numberOf('rows', values.rows);

function mebibytes(text: string): number {
  const size = /^(\d+)([mg])$/.exec(text);
  return size === null
    ? refuse(`--size ${text}: no size`, usage)
    : Number(size[1]) * (size[2] === 'g' ? 1024 : 1);
}
const sizes = { payload: values.size ?? '4g', database: values.size ?? '1g' };
for (const text of Object.values(sizes)) mebibytes(text);

const root = join(import.meta.dirname, '..');
const page = join(root, 'docs/performance.md');
const marks = (kind: string) =>
  [`<!-- the table of ${kind} -->`, `<!-- end of the table of ${kind} -->`] as const;
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

const say = (text: string) => process.stderr.write(`${text}\n`);

async function tableOf(rows: readonly Row[]): Promise<string> {
  const table = [
    ['work', 'against', 'budget', 'ours, median (spread)', 'reference', 'ratio', 'memory', 'verdict'],
  ];
  for (const row of rows) {
    say(`measuring ${row.work} against ${row.against} …`);
    table.push(await cellsOf(row));
  }
  return markdown(table);
}

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ivaap/bench');

const tables = {
  async payload() {
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, 'run-'));
    try {
      const { only, 'huge-pages': hugePages } = values;
      return await tableOf(
        await payloadBench({ work, sizeMib: mebibytes(sizes.payload), only, hugePages, say }),
      );
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  },
  async database() {
    const { rows, stop } = await databaseBench({ rows: tableRows, sizeMib: mebibytes(sizes.database), say });
    try {
      return await tableOf(rows.filter(({ work }) => work.includes(values.only)));
    } finally {
      await stop();
    }
  },
  downtime: async () => markdown(await downtimeBench({ runs: upgrades, say })),
};
const about = {
  payload: `payload of ${sizes.payload}, ${runs} runs`,
  database: `database of ${tableRows} rows, ${sizes.database}, ${runs} runs`,
  downtime: `upgrade of the sample from 2026.1 to 2026.2 on a lab host, ${upgrades} runs`,
};

const cpu = `${cpus().length} x ${cpus()[0]?.model ?? 'processor'}`;
const machine = `${cpu}, ${formatBytes(totalmem())} of memory, Linux ${release()}`;
for (const kind of chosen) {
  const table = await tables[kind]();
  const changes = (await git('status', '--porcelain')) === '' ? '' : ' with changes';
  const commit = `${await git('rev-parse', '--short=12', 'HEAD')}${changes}`;
  const day = new Date().toISOString().slice(0, 10);
  const text = `${machine}; ${about[kind]}; commit ${commit}, ${day}.\n\n${table}`;
  console.log(text);
  // The page's table is that of the budgets.
  if (!values.write || values['huge-pages']) continue;
  const [begin, end] = marks(kind);
  const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin);
  writeFileSync(page, `${before}${begin}\n\n${text}\n\n${end}${rest.split(end)[1] ?? ''}`);
}
