import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { $, which } from 'zx';
import { packPayload } from '../build/pack-payload.ts';
import { builtExecutable } from '../test/fixtures/built-executable.ts';
import { writeOciLayout } from '../test/fixtures/oci-layout.ts';
import { writeTinySpec } from '../test/fixtures/tiny-payload.ts';
import { hugePageRows } from './bench-huge-pages.ts';
import { measure, type Row, within } from './bench-measure.ts';

export interface PayloadBench {
  /** An empty folder with room for six times the size. */
  work: string;
  sizeMib: number;
  /** Rows whose name holds this. */
  only: string;
  /** What huge pages gain, and nothing else. */
  hugePages: boolean;
  say: (text: string) => void;
}

const mib = 2 ** 20;
const archive = 'docker-images.tar.gz';

const program =
  (...argv: string[]) =>
  () =>
    measure(argv);
const sh =
  (script: string, ...args: string[]) =>
  () =>
    measure(['sh', '-ec', script, 'sh', ...args]);

/** At this share of the reference's speed or above. */
const atSpeed = (share: number) => within(1 / share);

const isInstalled = (name: string) => which.sync(name, { nothrow: true }) !== null;

/** A release whose core image has `count` layers of noise, 64 MiB each. */
function specOf(folder: string, count: number): string {
  const reference = 'registry.example/bench/noise:1';
  return writeTinySpec(folder, {
    editSpec: (spec) => {
      if (count === 0) return;
      const layers = Array.from({ length: count }, (_, layer) => ({
        files: { [`noise/${layer}`]: randomBytes(64 * mib) },
      }));
      writeOciLayout(join(folder, 'noise'), [{ reference, layers }]);
      (spec['images'] as unknown[]).push({ reference, ociLayout: 'noise' });
      (spec['archives'] as Record<string, unknown[]>)[archive]?.push(reference);
    },
  });
}

/** Packs what is measured, and gives the rows. */
export async function payloadBench({ work, sizeMib, only, hugePages, say }: PayloadBench): Promise<Row[]> {
  const at = (name: string) => join(work, name);
  const executable = builtExecutable();
  const wanted = (rows: Row[]) => rows.filter(({ work: name }) => name.includes(only));
  const startUp = hugePages ? [] : wanted(startUpRows(at));
  const bulk = wanted(
    hugePages ? hugePageRows({ file: at('full'), archive, output: at('ours') }) : bulkRows(at, executable),
  );
  if (startUp.length > 0) {
    say('packing sparse files of 1, 8 and 10 GiB …');
    const spec = specOf(at('small-spec'), 0);
    for (const gib of [1, 8, 10])
      await packPayload({ spec, executable, output: at(`${gib}g`), padToBytes: gib * 1024 * mib });
  }
  if (bulk.length > 0) {
    say(`packing ${sizeMib} MiB of noise …`);
    const spec = specOf(at('spec'), Math.max(1, Math.round(sizeMib / 64)));
    await packPayload({ spec, executable, output: at('full') });
    await measure([at('full'), 'extract-file', archive, at('archive')]);
    mkdirSync(at('folder'));
    linkSync(at('archive'), at('folder/archive'));
    if (bulk.some(({ against, missing }) => against.startsWith('makeself') && missing === undefined)) {
      await $`makeself --nocomp --sha256 ${at('folder')} ${at('makeself.run')} bench true`;
    }
    await $`sync`;
  }
  return [...startUp, ...bulk];
}

function startUpRows(at: (name: string) => string): Row[] {
  const start = program(process.execPath, '-e', '0');
  const same = { budget: '<= 1.2 x', startsOnly: true, keeps: within(1.2) } as const;
  const rows: Row[] = [
    {
      work: '-v, 10 GiB',
      against: 'node -e 0',
      budget: '<= 3 x',
      startsOnly: true,
      ours: program(at('10g'), '-v'),
      reference: start,
      keeps: within(3),
    },
    {
      work: 'manifest --summary, 10 GiB',
      against: 'node -e 0',
      budget: '<= 300 ms, <= 150 MiB',
      startsOnly: true,
      ours: program(at('10g'), 'manifest', '--summary'),
      reference: start,
      keeps: (ours) => ours.medianMs <= 300 && ours.peakBytes <= 150 * mib,
    },
  ];
  for (const args of [['-v'], ['manifest', '--summary']]) {
    const [ours, reference] = ['8g', '1g'].map((name) => program(at(name), ...args));
    rows.push({
      ...same,
      work: `${args.join(' ')}, 8 GiB`,
      against: 'the same of 1 GiB',
      ours: ours!,
      reference: reference!,
    });
  }
  rows.push({
    work: 'verify, 8 GiB (sparse)',
    against: 'the same of 1 GiB',
    budget: '<= 9 x, memory <= 1.1 x and <= 150 MiB',
    ours: program(at('8g'), 'verify'),
    reference: program(at('1g'), 'verify'),
    keeps: (ours, reference) =>
      within(9)(ours, reference) &&
      ours.peakBytes <= 150 * mib &&
      ours.peakBytes <= 1.1 * reference.peakBytes,
  });
  return rows;
}

function bulkRows(at: (name: string) => string, executable: string): Row[] {
  const [full, stored] = [at('full'), at('archive')];
  /** Takes files out of the page cache; what a program has mapped stays. */
  const cold = sh('for f; do dd if="$f" iflag=nocache count=0 status=none; done', full, stored);
  const warm = sh('cat "$@" > /dev/null', full, stored);
  const rows: Row[] = [];

  const verify = { ours: program(full, 'verify') };
  const readers: [name: string, argv: string[]][] = [
    ['cat', ['sh', '-c', 'cat "$0" > /dev/null', full]],
    ['b3sum', ['b3sum', full]],
    ['sha256sum', ['sha256sum', full]],
    ['openssl dgst -sha256', ['openssl', 'dgst', '-sha256', full]],
    ['unzip -tqq', ['unzip', '-tqq', full]],
    ['makeself --check', [at('makeself.run'), '--check']],
  ];
  for (const [name, argv] of readers) {
    const [needed = ''] = name.split(' ');
    const common = {
      ...verify,
      against: name,
      reference: program(...argv),
      ...(isInstalled(needed) ? {} : { missing: `${needed} not installed` }),
    };
    const isDisk = name === 'cat';
    rows.push({
      ...common,
      work: 'verify, cold',
      budget: isDisk ? '>= 0.9 x its speed' : '<= 1.1 x',
      before: cold,
      keeps: isDisk ? atSpeed(0.9) : within(1.1),
    });
    // How fast memory can be read is no measure of a hash.
    if (isDisk) continue;
    const limit = name === 'b3sum' ? 2 : 1;
    rows.push({
      ...common,
      work: 'verify, warm',
      budget: `<= ${limit} x`,
      before: warm,
      keeps: within(limit),
    });
  }

  const clean = `rm -f "${at('ours')}" "${at('copy')}"; sync;`;
  for (const [state, fill] of [
    ['warm', 'cat "$1" "$2" > /dev/null'],
    ['cold', 'for f; do dd if="$f" iflag=nocache count=0 status=none; done'],
  ] as const) {
    const before = sh(`${clean} ${fill}`, full, stored);
    rows.push({
      work: `extract-file, ${state}`,
      against: 'cp --reflink=never + sync',
      budget: '>= 0.8 x its speed',
      before,
      ours: program(full, 'extract-file', archive, at('ours')),
      reference: sh('cp --reflink=never "$1" "$2"; sync "$2"', stored, at('copy')),
      keeps: atSpeed(0.8),
    });
    rows.push({
      work: `pack, ${state}`,
      against: 'cp --reflink=never + sync',
      budget: '<= 1.5 x',
      before: sh(`${clean} ${fill}; find "$3" -type f -exec cat {} + > /dev/null`, full, stored, at('spec')),
      ours: program(
        process.execPath,
        join(import.meta.dirname, '../build/pack.ts'),
        at('spec/release.yaml'),
        '-o',
        at('ours'),
        '--executable',
        executable,
      ),
      reference: sh('cp --reflink=never "$1" "$2"; sync "$2"', full, at('copy')),
      keeps: within(1.5),
    });
  }
  const needed: [work: string, script: string][] = [
    ['extract-file, warm', 'openssl dgst -sha256 "$1"'],
    // Blob, chunk and archive: three hashes of each byte, in parallel on what processors there are.
    [
      'pack, warm',
      'openssl dgst -sha256 "$1" & openssl dgst -sha256 "$1" & openssl dgst -sha256 "$1" & wait $!; wait',
    ],
  ];
  for (const [work, script] of needed) {
    const row = rows.find((candidate) => candidate.work === work)!;
    const against = `the SHA-256 that it needs${work.startsWith('pack') ? ', 3 x openssl' : ', openssl'}`;
    const reference = sh(script, work.startsWith('pack') ? full : stored);
    rows.push({ ...row, against, budget: '(limit)', reference, isLimit: true });
  }
  const packers: [name: string, script: string][] = [
    ['tar', 'tar -cf "$2" "$1"; sync "$2"'],
    ['makeself', 'makeself --nocomp --sha256 "$1" "$2" bench true; sync "$2"'],
  ];
  const pack = rows.find(({ work }) => work === 'pack, warm')!;
  for (const [name, script] of packers)
    rows.push({
      ...pack,
      against: name,
      budget: name === 'tar' ? '<= 1.5 x' : '<= 1 x',
      reference: sh(script, at('folder'), at('copy')),
      keeps: within(name === 'tar' ? 1.5 : 1),
      ...(isInstalled(name) ? {} : { missing: `${name} not installed` }),
    });
  return rows;
}
