import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { crashPage } from '../test/crash/crash-page.ts';
import { endHostsOfTheDead } from '../test/e2e/harness.ts';
import { faultPage } from '../test/faults/fault-proof.ts';
import { cacheFolder } from '../test/lab/paths.ts';
import { refreshPage } from '../test/proofs/memory.ts';
import { leftOf, summary } from '../test/proofs/page.ts';
import { sourceHash, sourcesCommitted } from '../test/proofs/sources.ts';

/**
 * `scripts/proofs [--here | --left]`: see docs/testing.md. `--work` is the part that runs in the background.
 */

const root = join(import.meta.dirname, '..');
const folder = join(cacheFolder, 'proofs');
const path = { lock: join(folder, 'lock'), log: join(folder, 'log'), pid: join(folder, 'pid') };
const quiet = $({ cwd: root, nothrow: true, quiet: true });

/** The commands that try what is left, in the order of the pages' parts. */
const commands = [
  ['scripts/crash.ts', '--graph', 'upgrade', '--left'],
  ['scripts/crash.ts', '--graph', 'install', '--left'],
  ['scripts/crash.ts', '--graph', 'rollback', '--left'],
  ['scripts/crash.ts', '--graph', 'uninstall', '--left'],
  ['scripts/crash.ts', '--graph', 'restore', '--left'],
  ['scripts/crash.ts', '--graph', 'rehearse', '--left'],
  ['test/faults/cli.ts', '--left'],
];

/** A failed case is tried once more: a second failure is no accident. */
const rounds = 2;

/** Brings the pages up to date and prints what they lack; says how much that is, for each command. */
async function printLeft(): Promise<number[]> {
  const hash = sourceHash();
  const counts: number[] = [];
  for (const page of [crashPage(), faultPage]) {
    const rows = await refreshPage(page);
    for (const section of page.sections.filter(({ ids }) => ids !== undefined)) {
      const left = leftOf(section, rows, hash);
      const what = section.title === undefined ? page.title : `${page.title}, ${section.title.toLowerCase()}`;
      console.log(`${what}: ${summary(page, section, rows, hash)}`);
      for (const id of left) console.log(`    left: ${id}`);
      counts.push(left.length);
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  console.log(total === 0 ? `whole for the sources ${hash}` : `${total} left for the sources ${hash}`);
  return counts;
}

const isWhole = (left: readonly number[]) => left.every((count) => count === 0);

/** Until nothing is left, or what is left has failed twice, or a signal asks to stop. */
async function work(): Promise<number> {
  writeFileSync(path.pid, String(process.pid));
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort(name));
  const { signal } = stop;
  let left = await printLeft();
  for (let round = 1; round <= rounds && !isWhole(left) && !signal.aborted; round += 1) {
    for (const [at, command] of commands.entries()) {
      if (left[at] === 0 || signal.aborted) continue;
      await $({ cwd: root, nothrow: true, stdio: 'inherit', signal })`${process.execPath} ${command}`;
    }
    await endHostsOfTheDead();
    left = await printLeft();
  }
  if (!signal.aborted) return Number(!isWhole(left));
  return 128 + constants.signals[signal.reason as NodeJS.Signals];
}

const isRunning = async () => (await quiet`flock --nonblock ${path.lock} true`).exitCode !== 0;
const alone = ['--nonblock', '--close', path.lock, process.execPath, import.meta.filename, '--work'];

async function start(where: 'here' | 'background'): Promise<number> {
  if (await isRunning()) {
    await printLeft();
    console.log(`running, process ${readFileSync(path.pid, 'utf8')}; output: ${path.log}`);
    return 0;
  }
  if (!sourcesCommitted()) {
    console.error(
      'src/, payload-spec/ or test/lab/ have changes: a page is whole for a commit\ntry: git commit',
    );
    return 2;
  }
  if (where === 'here') {
    return (await $({ cwd: root, nothrow: true, stdio: 'inherit' })`flock ${alone}`).exitCode ?? 1;
  }
  if (isWhole(await printLeft())) return 0;
  await quiet`setsid --fork flock ${alone} >${path.log} 2>&1 </dev/null`;
  console.log(
    `started in the background; output: ${path.log}\ntyped again, this command prints what is left`,
  );
  return 0;
}

mkdirSync(folder, { recursive: true });
const [flag, ...more] = process.argv.slice(2);
if (more.length > 0 || (flag !== undefined && !['--here', '--left', '--work'].includes(flag))) {
  console.error('usage: scripts/proofs [--here | --left]');
  process.exit(2);
}
if (flag === '--work') process.exitCode = await work();
else if (flag === '--left') process.exitCode = Number(!isWhole(await printLeft()));
else process.exitCode = await start(flag === '--here' ? 'here' : 'background');
