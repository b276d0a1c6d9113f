import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/**
 * `node scripts/run-suite.ts SUITE [FILE…]`: runs test/SUITE with node:test under a time limit of its own and ends with
 * the line `SUITE: N passed, N failed`. A skipped, todo or absent test counts as failed: it is a promise not kept.
 */

/** Minutes after which a suite is called hanging, and how many files of it run side by side. */
const suites: Record<string, { limitMinutes: number; concurrency: number }> = {
  unit: { limitMinutes: 3, concurrency: 2 },
  integration: { limitMinutes: 15, concurrency: 2 },
  lab: { limitMinutes: 15, concurrency: 1 },
  e2e: { limitMinutes: 35, concurrency: 2 },
};

const [name = '', ...only] = process.argv.slice(2);
const suite = suites[name];
if (suite === undefined) {
  console.error(`no suite "${name}"; there are: ${Object.keys(suites).join(', ')}`);
  process.exit(2);
}

const root = join(import.meta.dirname, '..');
const files = only.length > 0 ? only : globSync(`test/${name}/**/*.test.ts`, { cwd: root }).sort();
const counts = { passed: 0, failed: 0 };
const unkept: string[] = [];

const limit = setTimeout(() => {
  console.error(
    `${name}: still running after ${suite.limitMinutes} minutes, given up; the last test above hangs`,
  );
  console.log(`${name}: ${counts.passed} passed, ${counts.failed + 1} failed`);
  process.exit(1);
}, suite.limitMinutes * 60_000);

const stream = run({
  files: files.map((file) => join(root, file)),
  cwd: root,
  concurrency: suite.concurrency,
});
stream.on('test:pass', ({ name: test, skip, todo, details }) => {
  if (details.type === 'suite') return;
  if (skip === undefined && todo === undefined) counts.passed += 1;
  else {
    counts.failed += 1;
    unkept.push(`${test}: skipped or todo`);
  }
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') counts.failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  clearTimeout(limit);
  if (files.length === 0) unkept.push(`no test file in test/${name}`);
  for (const line of unkept) console.error(line);
  // After the reporter has drained: the closing line must be the last one.
  setImmediate(() => {
    process.stdout.write(`${name}: ${counts.passed} passed, ${counts.failed} failed\n`);
    process.exitCode = counts.failed + unkept.length === 0 ? 0 : 1;
  });
});
