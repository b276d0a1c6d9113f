import { cpus } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { commandLine } from '../build/command-line.ts';
import { layerBreaches, matrixLines } from './layers.ts';
import { wideLines } from './line-width.ts';
import { inParallel } from './in-parallel.ts';
import { closingLine, readClosingLine } from './suites.ts';

/**
 * `npm run check`: everything that can be said about the code without a node, in under a minute; `--layers`
 * prints imports alone.
 */

const root = join(import.meta.dirname, '..');
const { values } = commandLine(
  `usage: npm run check [-- --layers]
  types, lint, format, dead code, layers and unit tests
  --layers  only prints how many imports each arrow of ARCHITECTURE.md has`,
  { layers: { type: 'boolean', default: false } },
);
if (values.layers) {
  console.log(matrixLines(join(root, 'src')).join('\n'));
  process.exit();
}
const bin = (name: string) => join(root, 'node_modules/.bin', name);

interface Part {
  name: string;
  run: () => Promise<{ ok: boolean; output: string }>;
}

const program = (name: string, command: string, ...args: string[]): Part => ({
  name,
  run: async () => {
    const { ok, stdall } = await $({ cwd: root, nothrow: true, quiet: true })`${command} ${args}`;
    return { ok, output: stdall };
  },
});

const parts: Part[] = [
  program('unit tests', process.execPath, 'scripts/run-suite.ts', 'unit'),
  program('types', bin('tsc'), '--noEmit'),
  program('lint', bin('oxlint'), '--deny-warnings'),
  program('format', bin('oxfmt'), '--check', '.'),
  program('dead code', bin('knip')),
  // Tests are no users here.
  program('code that only tests use', bin('knip'), '--production'),
  {
    name: 'line width',
    run: () => {
      const folders = ['src', 'build', 'scripts', 'test', 'payload-spec'];
      const wide = folders.flatMap((folder) =>
        wideLines(join(root, folder)).map((one) => ({ ...one, folder })),
      );
      const output = wide.map(({ folder, file, line, columns }) => `${folder}/${file}:${line}: ${columns}\n`);
      return Promise.resolve({ ok: wide.length === 0, output: output.join('') });
    },
  },
  {
    name: 'layers',
    run: () => {
      const breaches = layerBreaches(join(root, 'src'));
      const output = breaches.map(({ file, line, message }) => `${file}:${line}: ${message}\n`).join('');
      return Promise.resolve({ ok: breaches.length === 0, output });
    },
  },
];

const seconds = (since: number) => ((performance.now() - since) / 1000).toFixed(1);
const startedAt = performance.now();
const counts = { passed: 0, failed: 0 };
await inParallel(parts, Math.min(cpus().length, 3), async ({ name, run }) => {
  const partStartedAt = performance.now();
  const { ok, output } = await run();
  const units = readClosingLine('unit', output);
  counts.passed += (units?.passed ?? 0) + (ok ? 1 : 0);
  counts.failed += (units?.failed ?? 0) + (ok ? 0 : 1);
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds(partStartedAt)} s)`);
  if (!ok) console.log(output.trimEnd().replaceAll(/^/gm, '    '));
});
console.log(`all of it in ${seconds(startedAt)} s`);
console.log(closingLine('check', counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
