import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventSchema } from '../../src/engine/events.ts';
import { bootId, processStartTime } from '../../src/host/system.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/** The built executable and its readers: where its words go never changes what it does. */

const folder = mkdtempSync(join(tmpdir(), 'outputs-'));
const payload = await makeTinyPayload({ executable: builtExecutable(), product: { folder } });
after(() => {
  payload.remove();
  rmSync(folder, { recursive: true });
});

const bash = (script: string) =>
  spawnSync('bash', ['-c', script], { encoding: 'utf8', env: { ...process.env, EXE: payload.path } });

// It scans its whole payload, which is work that is shown, and then refuses this machine, which is no k3s
// host.
const work = '$EXE install --upgrade';
const wanted = bash(work).status;

const readers: [name: string, script: string][] = [
  ['a full disk', `${work} >/dev/full 2>/dev/full`],
  ['a pipe that is closed after a line', `${work} 2>&1 | head -1; exit \${PIPESTATUS[0]}`],
  ['a pipe that nobody reads', `${work} 2>&1 | true; exit \${PIPESTATUS[0]}`],
  ['closed descriptors', `${work} >&- 2>&- <&-`],
  ['closed standard input', `${work} <&-`],
  ['a dumb terminal', `TERM=dumb script -qec "${work}" /dev/null`],
  ['a terminal', `TERM=xterm script -qec "stty cols 40; ${work}" /dev/null`],
  ['JSON on a full disk', `${work} --json >/dev/full`],
];
for (const [name, script] of readers) {
  test(`${name} leaves the exit code as it is`, () => {
    assert.ok(wanted === 3 || wanted === 5, `it refuses with ${wanted}`);
    assert.equal(bash(script).status, wanted);
  });
}

test('a terminal is left with its cursor, its colors and a complete line; a dumb one and a pipe get no control characters', () => {
  const live = bash(`TERM=xterm script -qec "stty cols 80; ${work}" /dev/null`).stdout;
  assert.doesNotMatch(live, /\u{1B}\[\?/u);
  assert.match(live, /\n$/);
  assert.equal(
    live.lastIndexOf('\u{1B}[0m') >= live.search(/\u{1B}\[[1-9]\d*m(?![^]*\u{1B}\[[1-9]\d*m)/u),
    true,
  );
  for (const plain of [
    bash(`TERM=dumb script -qec "${work}" /dev/null`).stdout,
    bash(`${work} 2>&1`).stdout,
  ]) {
    assert.doesNotMatch(plain.replaceAll('\r\n', '\n'), /(?!\n)\p{Cc}/u);
    assert.match(plain, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ scan: done/m);
  }
});

test('with --json each line is an event of the documented schema, and the last one is the error', () => {
  const lines = bash(`${work} --json`).stdout.trimEnd().split('\n');
  const events = lines.map((line) => eventSchema.parse(JSON.parse(line)));
  assert.ok(events.some(({ type }) => type === 'task.completed'));
  assert.equal(events.at(-1)?.type, 'error');
});

test('a signal ends it with its own exit code and leaves a complete line', async () => {
  // A run that is paused: another process, which lives, holds the lock.
  const holder = spawn('sleep', ['100'], { stdio: 'ignore' });
  await once(holder, 'spawn');
  mkdirSync(join(folder, '.installer/logs'), { recursive: true });
  const about = { pid: holder.pid, startTime: processStartTime(holder.pid ?? 0), bootId: bootId() };
  const rest = {
    command: 'install --upgrade',
    version: '2026.1',
    since: new Date().toISOString(),
    by: 'olga',
  };
  writeFileSync(join(folder, '.installer/lock'), JSON.stringify({ ...about, ...rest }));
  try {
    for (const [signal, code] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      const watch = spawn(payload.path, ['status', '--watch'], { stdio: ['ignore', 'pipe', 'pipe'] });
      const closed = once(watch, 'close') as Promise<[number]>;
      let said = '';
      watch.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
      watch.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      while (!said.includes('watching "install --upgrade"')) await sleep(20);
      watch.kill(signal);
      assert.equal((await closed)[0], code);
      assert.match(said, /the run continues[^]*try: .* status --watch\n$/);
      assert.equal(holder.exitCode, null);
    }
  } finally {
    holder.kill();
  }
});
