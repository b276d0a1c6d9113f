import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packPayload } from '../build/pack-payload.ts';
import { formatBytes } from '../src/policy/format-bytes.ts';
import { columns, formatDuration } from '../src/ui/format.ts';
import { builtExecutable } from '../test/fixtures/built-executable.ts';
import { writeOciLayout } from '../test/fixtures/oci-layout.ts';
import { writeTinySpec } from '../test/fixtures/tiny-payload.ts';
import type { Contest, Series } from './bench-measure.ts';
import { contest, measure } from './bench-measure.ts';

/**
 * `npm run bench`: each budget of the design, measured beside its reference in one run, as a ratio of medians. Prints a table
 * and says OK or MISSED; a missed budget is no failure of the command.
 */

const usage = `usage: npm run bench -- [--size MiB] [--startup GiB] [--runs N] [--only TEXT]
  --size     incompressible payload for scan, extract and pack (default 1024)
  --startup  sparse payload for start-up and manifest (default 4)
  --runs     measurements of each kind (default 5; start-up takes three times as many)
  --only     rows whose name holds this text`;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1024' },
    startup: { type: 'string', default: '4' },
    runs: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', short: 'h' },
  },
});
if (values.help === true) {
  console.log(usage);
  process.exit(0);
}
const runs = Number(values.runs);
const payloadMib = Number(values.size);

interface Row extends Contest {
  work: string;
  budget: string;
  runs: number;
  /** Whether the budget is kept. */
  keeps: (ours: Series, reference: Series) => boolean;
}

const mib = 2 ** 20;
const archive = 'docker-images.tar.gz';
const node = process.execPath;
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'ivaap/bench');
mkdirSync(cache, { recursive: true });
const work = mkdtempSync(join(cache, 'run-'));
const at = (name: string) => join(work, name);

/** A release whose core image has `count` layers of noise, 64 MiB each. */
function specOf(name: string, count: number): string {
  const reference = 'registry.example/bench/noise:1';
  return writeTinySpec(at(name), {
    editSpec: (spec) => {
      if (count === 0) return;
      const layers = Array.from({ length: count }, (_, layer) => ({
        files: { [`noise/${layer}`]: randomBytes(64 * mib) },
      }));
      writeOciLayout(at(`${name}/noise`), [{ reference, layers }]);
      (spec['images'] as unknown[]).push({ reference, ociLayout: 'noise' });
      (spec['archives'] as Record<string, unknown[]>)[archive]?.push(reference);
    },
  });
}

const say = (text: string) => process.stderr.write(`${text}\n`);
const sh =
  (script: string, ...args: string[]) =>
  () =>
    measure(['sh', '-ec', script, 'sh', ...args]);
const program =
  (...argv: string[]) =>
  () =>
    measure(argv);

const executable = builtExecutable();
const sparse = at('sparse');
const small = at('small');
const full = at('full');
const fullSpec = specOf('full-spec', Math.max(1, Math.round(payloadMib / 64)));

async function prepare(): Promise<void> {
  const startupGib = Number(values.startup);
  say(`packing ${startupGib} GiB (sparse) and ${payloadMib} MiB (noise) …`);
  const spec = specOf('small-spec', 0);
  await packPayload({ spec, executable, output: small });
  await packPayload({ spec, executable, output: sparse, padToBytes: startupGib * 1024 * mib });
  await packPayload({ spec: fullSpec, executable, output: full });
}

/** Takes a file out of the page cache. */
const forget = (path: string) => measure(['dd', `if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);

const within = (limit: number) => (ours: Series, reference: Series) =>
  ours.medianMs <= limit * reference.medianMs;

const rows: Row[] = [
  {
    work: `-v, ${values.startup} GiB`,
    budget: '<= 3 x node -e 0',
    runs: 3 * runs,
    ours: program(sparse, '-v'),
    reference: program(node, '-e', '0'),
    keeps: within(3),
  },
  {
    work: `manifest --summary, ${values.startup} GiB`,
    budget: '<= 300 ms, <= 150 MiB',
    runs: 3 * runs,
    ours: program(sparse, 'manifest', '--summary'),
    reference: program(node, '-e', '0'),
    keeps: (ours) => ours.medianMs <= 300 && ours.peakBytes <= 150 * mib,
  },
  {
    work: `manifest --summary, ${values.startup} GiB against 0.1 GiB`,
    budget: '<= 1.2 x of the small one',
    runs: 3 * runs,
    ours: program(sparse, 'manifest', '--summary'),
    reference: program(small, 'manifest', '--summary'),
    keeps: within(1.2),
  },
  {
    work: 'verify, cold cache',
    budget: '>= 0.9 x speed of cat',
    runs,
    before: () => forget(full),
    ours: program(full, 'verify'),
    reference: sh('cat "$1" > /dev/null', full),
    keeps: within(1 / 0.9),
  },
  {
    work: 'verify, warm cache',
    budget: '<= 0.5 x sha256sum',
    runs,
    before: sh('cat "$1" > /dev/null', full),
    ours: program(full, 'verify'),
    reference: program('sha256sum', full),
    keeps: within(0.5),
  },
  {
    work: 'extract-file, verified',
    budget: '>= 0.8 x speed of cp + sync',
    runs,
    before: sh('rm -f "$1" "$2"; cat "$3" "$4" > /dev/null', at('ours'), at('copy'), full, at('archive')),
    ours: program(full, 'extract-file', archive, at('ours')),
    reference: sh('cp --reflink=never "$1" "$2"; sync "$2"', at('archive'), at('copy')),
    keeps: within(1 / 0.8),
  },
  {
    work: 'pack',
    budget: '<= 1.5 x cp + sync',
    runs,
    before: sh('rm -f "$1" "$2"; cat "$3" > /dev/null', at('packed'), at('copy'), full),
    ours: program(
      node,
      join(import.meta.dirname, '../build/pack.ts'),
      fullSpec,
      '-o',
      at('packed'),
      '--executable',
      executable,
    ),
    reference: sh('cp --reflink=never "$1" "$2"; sync "$2"', full, at('copy')),
    keeps: within(1.5),
  },
];

const time = ({ medianMs, leastMs, mostMs }: Series) => {
  const text = (ms: number) => (ms < 2000 ? `${Math.round(ms)} ms` : formatDuration(ms));
  return `${text(medianMs)} (${text(leastMs)}-${text(mostMs)})`;
};

try {
  await prepare();
  await measure([full, 'extract-file', archive, at('archive')]);
  const table = [['WORK', 'BUDGET', 'OURS median (spread)', 'REFERENCE', 'RATIO', 'MEMORY', '']];
  for (const row of rows.filter((candidate) => candidate.work.includes(values.only))) {
    say(`measuring ${row.work} …`);
    const { ours, reference } = await contest(row, row.runs);
    table.push([
      row.work,
      row.budget,
      time(ours),
      time(reference),
      (ours.medianMs / reference.medianMs).toFixed(2),
      formatBytes(ours.peakBytes),
      row.keeps(ours, reference) ? 'OK' : 'MISSED',
    ]);
  }
  const cpu = cpus();
  console.log(`${cpu.length} x ${cpu[0]?.model ?? 'cpu'}, payload ${formatBytes(statSync(full).size)}`);
  console.log(columns(table, [4, 5]).join('\n'));
} finally {
  rmSync(work, { recursive: true, force: true });
}
