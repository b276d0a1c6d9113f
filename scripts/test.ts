import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { labInventory } from '../test/e2e/left-behind.ts';
import { closingLine, readClosingLine } from './suites.ts';
import type { Counts } from './suites.ts';

/** `./scripts/test`: sets up, builds, runs every suite, and closes with minutes per suite and `N passed, N failed`. */

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
const suite = (name: string, what: string, limitMinutes: number): Stage => ({
  name,
  what,
  argv: node('scripts/run-suite.ts', name),
  limitMinutes,
  counted: true,
});

const stages: Stage[] = [
  {
    name: 'set-up',
    what: 'Debian packages and the lab’s programs (17 minutes on two cores on a bare machine, seconds later)',
    argv: node('test/lab/cli.ts', 'doctor', '--fix'),
    limitMinutes: 45,
    counted: false,
  },
  {
    name: 'check',
    what: 'types, lint, format, dead code, layers, unit tests',
    argv: node('scripts/check.ts'),
    limitMinutes: 5,
    counted: true,
  },
  suite('integration', 'parts with the real programs', 16),
  suite('damage', '250 damages of a payload, drawn from the commit', 5),
  suite('fuzz', 'ten seconds for each reader of what others wrote', 5),
  suite('lab', 'the real node itself', 16),
  suite('e2e', 'the built executable on a real node', 36),
  suite('crash', 'five places of the crash matrix, drawn from the commit', 11),
  suite('faults', 'three faults of the table, drawn from the commit', 7),
];

/** Runs one stage in a process group of its own, so that all of it can be ended when its limit is over. */
function runStage(stage: Stage): Promise<{ counts: Counts; minutes: number }> {
  const begun = performance.now();
  return new Promise((done) => {
    let output = '';
    const [command = '', ...args] = stage.argv;
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let overdue = false;
    const limit = setTimeout(() => {
      overdue = true;
      console.log(`${stage.name}: over its limit of ${stage.limitMinutes} minutes, ended`);
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, stage.limitMinutes * 60_000);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-65_536);
        process.stdout.write(text);
      });
    }
    child.on('error', (error) => console.log(`${stage.name}: ${error.message}`));
    child.on('close', (code) => {
      clearTimeout(limit);
      const minutes = (performance.now() - begun) / 60_000;
      const held = code === 0 && !overdue;
      const closing = stage.counted ? readClosingLine(stage.name, output) : { passed: 1, failed: 0 };
      const counts = closing ?? { passed: 0, failed: 1 };
      if (!held && counts.failed === 0) counts.failed = 1;
      done({ counts, minutes });
    });
  });
}

const total: Counts = { passed: 0, failed: 0 };
const rows: string[] = [];
const labsBefore = labInventory();
for (const stage of stages) {
  console.log(`\n==> ${stage.name}: ${stage.what}`);
  const { counts, minutes } = await runStage(stage);
  total.passed += counts.passed;
  total.failed += counts.failed;
  rows.push(`${minutes.toFixed(1).padStart(6)} min  ${closingLine(stage.name, counts)}`);
  if (!stage.counted && counts.failed > 0) {
    rows.push('            nothing after it could run');
    break;
  }
}
const left = labInventory().filter((thing) => !labsBefore.includes(thing));
for (const thing of left) console.log(`left behind by the suites: ${thing}`);
rows.push(`            ${left.length} things of the lab left behind`);
if (left.length === 0) total.passed += 1;
else total.failed += 1;
console.log(`\n${rows.join('\n')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
