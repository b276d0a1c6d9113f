import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeOciLayout } from '../test/fixtures/oci-layout.ts';
import { writeTinySpec } from '../test/fixtures/tiny-payload.ts';

/**
 * `npm run bench [-- --size 4 --runs 3]`: the payload's budgets, each beside its reference in the same run, as a ratio of medians.
 * Contents are incompressible and without holes; only start-up is measured on a file that is filled up with a hole.
 */

const { values } = parseArgs({
  options: { size: { type: 'string', default: '1' }, runs: { type: 'string', default: '3' } },
});
const gibibytes = Number(values.size);
const runs = Number(values.runs);
const root = join(import.meta.dirname, '..');
const folder = mkdtempSync('/var/tmp/bench-');

interface Measured {
  seconds: number;
  maxMemoryMib: number;
}

/** Runs a command with its output dropped. Throws when it fails. */
function measure(command: string, ...args: string[]): Measured {
  const { status, stderr } = spawnSync('/usr/bin/time', ['-f', '%e %M', command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  const [seconds, kibibytes] = stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { seconds: seconds!, maxMemoryMib: Math.round(kibibytes! / 1024) };
}

const median = (numbers: number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

interface Row {
  work: string;
  reference: string;
  /** What the ratio (ours / reference, in seconds) may be at most. */
  limit: number;
  ours: () => Measured;
  theirs: () => Measured;
  before?: () => void;
}

/** One line of the table: median, spread and memory of ours, median of the reference, and the verdict. */
function report({ work, reference, limit, ours, theirs, before }: Row): boolean {
  const mine: Measured[] = [];
  const others: Measured[] = [];
  for (let run = 0; run < runs; run += 1) {
    before?.();
    mine.push(ours());
    before?.();
    others.push(theirs());
  }
  const seconds = mine.map((one) => one.seconds);
  const other = Math.max(median(others.map((one) => one.seconds)), 0.01);
  const ratio = median(seconds) / other;
  const ok = ratio <= limit;
  console.log(
    [
      work.padEnd(30),
      `${median(seconds).toFixed(2)} s (${Math.min(...seconds).toFixed(2)}-${Math.max(...seconds).toFixed(2)})`.padEnd(
        22,
      ),
      `${Math.max(...mine.map((one) => one.maxMemoryMib))} MiB`.padStart(8),
      `  ${other.toFixed(2)} s ${reference}`.padEnd(34),
      `${ratio.toFixed(2)} <= ${limit.toFixed(2)}`.padEnd(14),
      ok ? 'OK' : 'MISSED',
    ].join(' '),
  );
  return ok;
}

function prepare(): { executable: string; spec: string; packed: string; padded: string } {
  const executable = join(folder, 'empty');
  execFileSync(process.execPath, ['build/build.ts', '-o', executable], { cwd: root, stdio: 'inherit' });
  const layerBytes = 256 * 2 ** 20;
  const layouts = Array.from({ length: gibibytes * 4 }, (_, number) => `big-${number}`);
  const spec = writeTinySpec(folder, {
    editSpec: (edited) => {
      const images = edited['images'] as { reference: string; ociLayout: string }[];
      const archives = edited['archives'] as Record<string, string[]>;
      for (const name of layouts) {
        const reference = `registry.example/bench/${name}:1`;
        images.push({ reference, ociLayout: name });
        archives['docker-images.tar.gz']!.push(reference);
        mkdirSync(join(folder, name));
        writeOciLayout(join(folder, name), [
          { reference, layers: [{ files: { data: randomBytes(layerBytes) } }] },
        ]);
      }
    },
  });
  const packed = join(folder, 'packed');
  const padded = join(folder, 'padded');
  const tiny = join(folder, 'tiny');
  mkdirSync(tiny);
  pack(spec, executable, packed);
  pack(writeTinySpec(tiny), executable, padded, '--pad-to', '10GiB');
  return { executable, spec, packed, padded };
}

function pack(spec: string, executable: string, output: string, ...more: string[]): Measured {
  return measure(
    process.execPath,
    join(root, 'build/pack.ts'),
    spec,
    '-o',
    output,
    '--executable',
    executable,
    ...more,
  );
}

/** Copies with all bytes written out, as extract and pack do. */
const copySynced = (from: string): Measured =>
  measure('sh', '-c', `cp --reflink=never "$1" "$2" && sync "$2"`, 'sh', from, join(folder, 'copy'));

function dropFromCache(path: string): void {
  execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

try {
  const { executable, spec, packed, padded } = prepare();
  const node = join(root, 'node_modules/.bin/node');
  const nothing = () => measure(node, '-e', '0');
  const archive = join(folder, 'archive.tar.gz');
  const extract = () => measure(packed, 'extract-file', 'docker-images.tar.gz', archive);
  extract();
  const hasB3sum = existsSync('/usr/bin/b3sum');
  const rows: Row[] = [
    {
      work: '-v, 10 GiB',
      reference: 'node -e 0',
      limit: 3,
      ours: () => measure(padded, '-v'),
      theirs: nothing,
    },
    {
      work: 'manifest --summary, 10 GiB',
      reference: 'node -e 0',
      limit: 6,
      ours: () => measure(padded, 'manifest', '--summary'),
      theirs: nothing,
    },
    {
      work: `verify, ${gibibytes} GiB, cold`,
      reference: 'cat, cold',
      limit: 1 / 0.9,
      ours: () => measure(packed, 'verify'),
      theirs: () => measure('cat', packed),
      before: () => dropFromCache(packed),
    },
    {
      work: `verify, ${gibibytes} GiB, warm`,
      reference: hasB3sum ? 'b3sum' : 'sha256sum (no b3sum here)',
      limit: hasB3sum ? 2 : 0.25,
      ours: () => measure(packed, 'verify'),
      theirs: () => measure(hasB3sum ? 'b3sum' : 'sha256sum', packed),
    },
    {
      work: `extract-file, ${gibibytes} GiB`,
      reference: 'cp and sync',
      limit: 1 / 0.8,
      ours: extract,
      theirs: () => copySynced(archive),
    },
    {
      work: `pack, ${gibibytes} GiB`,
      reference: 'cp and sync',
      limit: 1.5,
      ours: () => pack(spec, executable, join(folder, 'again')),
      theirs: () => copySynced(packed),
    },
  ];
  console.log(`median of ${runs} runs (least-most), most memory; reference; ratio`);
  const missed = rows.map(report).filter((ok) => !ok).length;
  console.log(`bench: ${rows.length - missed} within budget, ${missed} missed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
