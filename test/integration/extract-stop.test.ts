import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { folderState } from '../fixtures/folder-state.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

// Large enough that it is surely being read or written when the signal comes.
const payload = await makeTinyPayload({ executable: builtExecutable(), padToBytes: 2 ** 30 });
const work = mkdtempSync(join(tmpdir(), 'extract-stop-'));
after(() => {
  payload.remove();
  rmSync(work, { recursive: true });
});

let folders = 0;
function folder(): string {
  const path = join(work, String((folders += 1)));
  mkdirSync(path);
  writeFileSync(join(path, 'old'), 'before');
  return path;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 5) {
    if (waited > 60_000) throw new Error(`a minute passed without ${what}`);
    await delay(5);
  }
}

const partials = (at: string) => readdirSync(at).filter((name) => name.endsWith('.partial'));
const isWriting = (at: string) => () =>
  partials(at).some((name) => statSync(join(at, name)).size > 20_000_000);

/** Runs the payload's program and sends it a signal once `when` holds. */
async function stopped(args: string[], name: NodeJS.Signals, what: string, when: (pid: number) => boolean) {
  let pid = 0;
  const ended = runProgram([payload.path, ...args], { started: (started) => (pid = started) });
  await until(what, () => pid !== 0 && when(pid));
  process.kill(pid, name);
  return ended;
}

for (const [name, exit] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${name} while writing: exit ${exit}, the old file as it was, no temporary file`, async () => {
    const at = folder();
    const before = folderState(at);
    const args = ['extract-file', 'padding', join(at, 'old'), '--force'];
    const { exitCode, stderr } = await stopped(args, name, 'a temporary file', isWriting(at));
    assert.equal(exitCode, exit);
    assert.match(stderr, new RegExp(`stopped by ${name}`));
    assert.deepEqual(folderState(at), before);
  });
}

test('SIGKILL while writing leaves the old file; the next command takes the temporary one away', async () => {
  const at = folder();
  await stopped(
    ['extract-file', 'padding', join(at, 'old'), '--force'],
    'SIGKILL',
    'a temporary file',
    isWriting(at),
  );
  assert.equal(readFileSync(join(at, 'old'), 'utf8'), 'before');
  assert.equal(partials(at).length, 1);
  const { exitCode } = await runProgram([
    payload.path,
    'extract-file',
    'docker-images.tar.gz',
    join(at, 'old'),
    '--force',
  ]);
  assert.equal(exitCode, 0);
  assert.deepEqual(readdirSync(at), ['old']);
});

test('SIGHUP, as a lost terminal sends it, stops nothing', async () => {
  const at = folder();
  const args = ['extract-file', 'padding', join(at, 'old'), '--force'];
  const { exitCode } = await stopped(args, 'SIGHUP', 'a temporary file', isWriting(at));
  assert.equal(exitCode, 0);
  assert.ok(statSync(join(at, 'old')).size > 2 ** 29);
});

test('SIGINT during verify: exit 130', async () => {
  const readBytes = (pid: number) =>
    Number(/^rchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  const { exitCode, stdout } = await stopped(
    ['verify'],
    'SIGINT',
    'much being read',
    (pid) => readBytes(pid) > 2e8,
  );
  assert.equal(exitCode, 130);
  assert.equal(stdout, '');
});
