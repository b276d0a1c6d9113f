import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endHostsOfTheDead } from '../test/e2e/harness.ts';
import { labInventory } from '../test/e2e/left-behind.ts';
import { signalProcesses } from '../test/lab/cgroup.ts';
import { closingLine, failuresIn, readClosingLine, suites } from './suites.ts';
import type { Counts, SuiteName } from './suites.ts';

/**
 * `./scripts/test`: sets up, builds, runs every suite, and closes with minutes per suite and
 * `N passed, N failed`.
 */

const root = join(import.meta.dirname, '..');

interface Stage {
  name: string;
  what: string;
  argv: string[];
  limitMinutes: number;
  /** Ends with a closing line that is counted; otherwise the stage itself counts as one. */
  counted: boolean;
}

const node = (...args: string[]) => [process.execPath, ...args];
/** A suite has a limit of its own, and says which test hangs: the stage's comes a minute later. */
const suite = (name: SuiteName, what: string): Stage => ({
  name,
  what,
  argv: node('scripts/run-suite.ts', name),
  limitMinutes: suites[name].limitMinutes + 1,
  counted: true,
});

/**
 * One after another; the stages of one round in parallel, because together they take less time than in turn.
 */
const rounds: Stage[][] = [
  [
    {
      name: 'set-up',
      what:
        'Debian packages and the lab’s programs (about a quarter of an ' +
        'hour on two cores on a bare machine, seconds later)',
      argv: node('test/lab/cli.ts', 'doctor', '--fix'),
      limitMinutes: 45,
      counted: false,
    },
  ],
  [
    {
      name: 'check',
      what: 'types, lint, format, dead code, layers, unit tests',
      argv: node('scripts/check.ts'),
      limitMinutes: suites.unit.limitMinutes + 2,
      counted: true,
    },
  ],
  [suite('integration', 'parts with the real programs')],
  [
    suite('damage', '250 damages of a payload, drawn from the commit'),
    suite('fuzz', 'ten seconds for each reader of what others wrote'),
  ],
  [suite('lab', 'the real node itself')],
  [suite('e2e', 'the built executable on a real node')],
  // Each has two hosts or three at once: with those of both, the product itself is too slow to be healthy.
  [suite('crash', 'two places of the crash matrix, drawn from the commit')],
  [suite('faults', 'three faults of the table, drawn from the commit')],
];

interface Outcome {
  counts: Counts;
  minutes: number;
  /** The last of what it said. */
  output: string;
}

interface RunningStage {
  ended: Promise<Outcome>;
  /** Prints what it said so far, and from now on what it says. */
  follow(): void;
}

/** Process groups of the stages that run. */
const groups = new Set<number>();
const endGroups = (ids: Iterable<number>) =>
  signalProcesses(
    Array.from(ids, (id) => -id),
    'SIGKILL',
  );

let stopped: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | undefined;
// A stage's group is not the terminal's: what stops this process has to be passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopped = signal;
    endGroups(groups);
  });
}

/** Starts a stage in a process group of its own, so that all of it can be ended when its limit is over. */
function startStage(stage: Stage): RunningStage {
  const startedAt = performance.now();
  let unprinted: string[] | undefined = [];
  const say = (text: string) => {
    if (unprinted === undefined) process.stdout.write(text);
    else unprinted.push(text);
  };
  const ended = new Promise<Outcome>((done) => {
    let output = '';
    const [command = '', ...args] = stage.argv;
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    if (child.pid !== undefined) groups.add(child.pid);
    let overdue = false;
    const limit = setTimeout(() => {
      overdue = true;
      say(`${stage.name}: over its limit of ${stage.limitMinutes} minutes, ended\n`);
      if (child.pid !== undefined) endGroups([child.pid]);
    }, stage.limitMinutes * 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-65_536);
        say(text);
      });
    }
    child.on('error', (error) => say(`${stage.name}: ${error.message}\n`));
    child.on('close', (code) => {
      clearTimeout(limit);
      if (child.pid !== undefined) groups.delete(child.pid);
      const minutes = (performance.now() - startedAt) / 60_000;
      const held = code === 0 && !overdue;
      const closing = stage.counted ? readClosingLine(stage.name, output) : { passed: 1, failed: 0 };
      const counts = closing ?? { passed: 0, failed: 1 };
      if (!held && counts.failed === 0) counts.failed = 1;
      done({ counts, minutes, output });
    });
  });
  const follow = () => {
    for (const text of unprinted ?? []) process.stdout.write(text);
    unprinted = undefined;
  };
  return { ended, follow };
}

const startedAt = performance.now();
const total: Counts = { passed: 0, failed: 0 };
const rows: string[] = [];
const failures: string[] = [];
const labsBefore = labInventory();
const minutesOf = (minutes: number) => `${minutes.toFixed(1).padStart(6)} min`;
for (const round of rounds) {
  const running = round.map((stage) => ({ stage, ...startStage(stage) }));
  for (const { stage, ended, follow } of running) {
    const others = round.filter((other) => other !== stage).map(({ name }) => ` (beside ${name})`);
    console.log(`\n==> ${stage.name}${others.join('')}: ${stage.what}`);
    follow();
    const { counts, minutes, output } = await ended;
    total.passed += counts.passed;
    total.failed += counts.failed;
    if (counts.failed > 0) failures.push(`==> what failed in ${stage.name}:\n${failuresIn(output)}`);
    rows.push(`${minutesOf(minutes)}  ${closingLine(stage.name, counts)}`);
  }
  if (round.some(({ counted }) => !counted) && total.failed > 0) {
    rows.push('            nothing after it could run');
    break;
  }
  if (stopped !== undefined) {
    rows.push(`            stopped by ${stopped}`);
    break;
  }
}
if (stopped !== undefined) {
  // Until the kernel has let go of those that were killed.
  await sleep(1000);
  await endHostsOfTheDead();
}
const left = labInventory().filter((thing) => !labsBefore.includes(thing));
for (const thing of left) console.log(`left behind by the suites: ${thing}`);
rows.push(`            ${left.length} things of the lab left behind`);
if (left.length === 0) total.passed += 1;
else total.failed += 1;
for (const text of failures) console.log(`\n${text}`);
console.log(`\n${rows.join('\n')}`);
console.log(`${minutesOf((performance.now() - startedAt) / 60_000)}  all of it`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
if (stopped !== undefined) process.exitCode = 128 + constants.signals[stopped];
