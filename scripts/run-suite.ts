import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';
import { commitHash } from '../test/proofs/commit.ts';
import { drawn } from '../test/proofs/draw.ts';
import { wholeTables } from '../test/proofs/rows.ts';
import { commandLine, refuse } from '../build/command-line.ts';
import { closingLine, drawnFolder, suites } from './suites.ts';

/**
 * `node scripts/run-suite.ts SUITE [FILE…]`: runs test/SUITE with node:test under a time limit of its own and
 * ends with the line `SUITE: N passed, N failed`. A skipped, todo or absent test counts as failed: it is a
 * promise not kept. Without FILE, of the files in a suite's folder `drawn/` only one runs, and of the tables
 * on a real API server a third of the rows, drawn by the commit's hash: they take minutes.
 */

const usage = `usage: node scripts/run-suite.ts SUITE [FILE…]
  SUITE  ${Object.keys(suites).join(', ')}
  FILE   only these test files`;
const [name = '', ...only] = commandLine(usage, {}, { words: true }).positionals;
const suite = Object.entries(suites).find(([each]) => each === name)?.[1];
if (suite === undefined) throw refuse(`no suite "${name}"`, usage);
if ('hostsInMemory' in suite && process.env.SIMULATED_HOSTS === undefined) runInMemory('/srv');

const root = join(import.meta.dirname, '..');
if (only.length > 0) process.env[wholeTables] = '1';
const files = only.length > 0 ? only : filesOfSuite();
const counts = { passed: 0, failed: 0 };
const unkept = files.length === 0 ? [`no test file in test/${name}`] : [];
const stop = new AbortController();

const limit = setTimeout(() => {
  unkept.push(
    `${name}: still running after ${suite.limitMinutes} minutes, given up; the test named last hangs`,
  );
  stop.abort();
  // Files that ignore the abort must not keep the suite alive either.
  setTimeout(finish, 20_000).unref();
}, suite.limitMinutes * 60_000);

function filesOfSuite(): string[] {
  const all = globSync(`test/${name}/**/*.test.ts`, { cwd: root }).sort();
  const long = all.filter((file) => file.includes(drawnFolder));
  if (long.length === 0) return all;
  const chosen = drawn(long, 1, commitHash());
  console.log(`${name}: ${chosen.join(', ')} of ${long.length} in ${drawnFolder}, drawn by the commit`);
  return all.filter((file) => !long.includes(file) || chosen.includes(file));
}

/**
 * Becomes the same command with a disk in memory below `folder`, which is there for this command and what it
 * starts alone, and is gone with them. The product warns of a tmpfs: hosts lie on a disk.
 */
function runInMemory(folder: string): void {
  const script = `
    mount -t tmpfs -o mode=0755 tmpfs ${folder} && cd ${folder} && truncate --size=12G disk &&
    mkfs.ext4 -q -O ^has_journal disk && mkdir hosts && mount -o loop disk hosts && cd "$OLDPWD" && exec "$@"`;
  const command = [
    'unshare',
    '--mount',
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    ...process.argv.slice(1),
  ];
  process.execve?.('/usr/bin/unshare', command, { ...process.env, SIMULATED_HOSTS: join(folder, 'hosts') });
}

function finish() {
  for (const line of unkept) console.error(line);
  console.log(closingLine(name, { passed: counts.passed, failed: counts.failed + unkept.length }));
  process.exit(counts.failed + unkept.length === 0 ? 0 : 1);
}

// What is printed for root depends on it: the tests are root's, whoever typed sudo for them.
delete process.env.SUDO_USER;
const stream = run({
  files: files.map((file) => join(root, file)),
  cwd: root,
  execArgv: ['--import', pathToFileURL(join(import.meta.dirname, 'compile-cache.ts')).href],
  concurrency: suite.concurrency,
  signal: stop.signal,
});
stream.on('test:pass', ({ name: test, skip, todo, details }) => {
  if (details.type === 'suite') return;
  if (skip === undefined && todo === undefined) counts.passed += 1;
  else unkept.push(`${test}: skipped or todo`);
});
stream.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') counts.failed += 1;
});
const report = stream.compose(new spec());
report.on('end', () => {
  clearTimeout(limit);
  // The reporter's last lines are written before the closing line.
  setImmediate(finish);
});
report.pipe(process.stdout, { end: false });
