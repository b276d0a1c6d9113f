import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { type EngineEvent, eventsVersion } from '../../../src/engine/events.ts';
import { emptyState, type State } from '../../../src/engine/state.ts';
import { IvaapError } from '../../../src/errors.ts';
import { thisMachine } from '../../../src/session/machine.ts';
import { watchRun } from '../../../src/queries/watch-run.ts';
import { bootId, processStartTime } from '../../../src/host/system.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

let payload: TinyPayload;
let folder = '';
let child: ChildProcess;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'watch-'));
  payload = await makeTinyPayload({ product: { folder } });
});
after(() => {
  payload.remove();
  rmSync(folder, { recursive: true });
});

const installer = (name: string) => join(folder, '.installer', name);
const log = (run: string) => installer(`logs/${run}.jsonl`);
const at = new Date().toISOString();

/** A process that stands for the run: it holds what the lock file says. */
beforeEach(async () => {
  mkdirSync(installer('logs'), { recursive: true });
  child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  writeFileSync(
    installer('lock'),
    JSON.stringify({
      pid: child.pid,
      startTime: processStartTime(child.pid ?? 0),
      bootId: bootId(),
      command: 'install --upgrade',
      version: '2026.2',
      since: at,
      by: 'olga',
      step: 'upgrade_helm',
    }),
  );
});
afterEach(async () => {
  await endChild();
  rmSync(installer(''), { recursive: true });
});

async function endChild(): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function say(run: string, ...lines: object[]): void {
  appendFileSync(log(run), lines.map((line) => `${JSON.stringify({ at, ...line })}\n`).join(''));
}

const started = {
  type: 'run.started',
  version: eventsVersion,
  run: 'r',
  flow: 'upgrade',
  from: '2026.1',
  to: '2026.2',
  resumed: false,
  steps: [],
};

function writeState(
  status: 'running' | 'completed' | 'failed',
  step: 'running' | 'completed',
  again?: string,
): void {
  const state: State = {
    ...emptyState('tiny'),
    run: {
      id: 'r',
      flow: 'upgrade',
      from: '2026.1',
      to: '2026.2',
      payloadDigest: 'x',
      startedAt: at,
      status,
      binary: '/media/usb stick/tiny',
      ...(again === undefined ? {} : { again }),
      order: ['upgrade_helm'],
      steps: { upgrade_helm: { status: step, startedAt: at, attempts: 1, revision: 1, inputsHash: 'x' } },
    },
  };
  writeFileSync(installer('state.json'), JSON.stringify(state));
}

function watching() {
  const events: EngineEvent[] = [];
  const stop = new AbortController();
  let seen: (event: EngineEvent) => void = () => {};
  const result = watchRun({
    machine: { ...thisMachine, executable: payload.path },
    program: './tiny',
    again: () => './tiny status --watch',
    signal: stop.signal,
    emit: (event) => {
      events.push(event);
      seen(event);
    },
  });
  const until = (type: EngineEvent['type']) =>
    new Promise<void>((done) => {
      if (events.some((event) => event.type === type)) done();
      seen = (event) => {
        if (event.type === type) done();
      };
    });
  const types = () => events.map(({ type }) => type);
  return { result, until, types, stop };
}

test('a run is shown from the first event of its attempt to its RESULT, while the log grows', async () => {
  say('old', { type: 'LOG', by: 'olga', pid: 1 }, { type: 'message', level: 'info', line: 'of another run' });
  say('r', { type: 'LOG', by: 'olga', pid: 1 }, started, {
    type: 'step.started',
    step: 'cut-off',
    title: 'x',
  });
  appendFileSync(log('r'), '{"half a line of an attempt that di\n');
  const { result, until, types } = watching();
  await until('message');
  say(
    'r',
    { type: 'LOG', by: 'olga', pid: child.pid },
    { type: 'task.started', task: 'scan', title: 'Check' },
  );
  await until('task.started');
  say('r', { type: 'of.a.newer.program' }, { ...started, resumed: true });
  const line = JSON.stringify({ at, type: 'step.started', step: 'a', title: 'ü' });
  appendFileSync(log('r'), line.slice(0, 30));
  await until('run.started');
  appendFileSync(log('r'), `${line.slice(30)}\n`);
  await until('step.started');
  say('r', { type: 'RESULT', status: 'failed', exitCode: 6, message: 'no' });
  assert.deepEqual((await result).data, { run: 'r', status: 'failed', exitCode: 6, message: 'no' });
  assert.deepEqual(types(), ['message', 'task.started', 'run.started', 'step.started']);
});

test('a run that dies in the middle: said, with where it was and what resumes it', async () => {
  writeState('running', 'running');
  say('r', { type: 'LOG', by: 'olga', pid: child.pid }, started);
  const { result, until } = watching();
  await until('run.started');
  await endChild();
  const { lines, data } = await result;
  assert.match(lines.join('\n'), /process \d+ of the run ended without a result/);
  assert.ok(lines.includes('it was running: upgrade_helm'));
  assert.ok(lines.includes("try: '/media/usb stick/tiny' install --upgrade"));
  assert.equal(data.status, 'gone');
});

test('what resumes a run keeps the flags that were typed for it', async () => {
  const typed = "'/media/usb stick/tiny' install --upgrade --waive 'clock=no NTP here'";
  writeState('running', 'running', typed);
  say('r', { type: 'LOG', by: 'olga', pid: child.pid }, started);
  const { result, until } = watching();
  await until('run.started');
  await endChild();
  assert.ok((await result).lines.includes(`try: ${typed}`));
  writeState('failed', 'completed', typed);
  assert.ok((await watching().result).lines.includes(`try: ${typed}`));
});

test('of a process that recorded no run, what was typed is in its lock', async () => {
  const holder = JSON.parse(readFileSync(installer('lock'), 'utf8')) as object;
  const again = '/media/tiny install --upgrade --preflight-only';
  writeFileSync(installer('lock'), JSON.stringify({ ...holder, again }));
  say('r', { type: 'LOG', by: 'olga', pid: child.pid }, started);
  const { result, until } = watching();
  await until('run.started');
  await endChild();
  assert.ok((await result).lines.includes(`try: ${again}`));
});

test('a run that ends before its first step has no log and is reported, with the last run', async () => {
  const { result, until } = watching();
  await until('message');
  await endChild();
  assert.match((await result).lines.join('\n'), /ended without a log: it was refused[^]*none is recorded/);
});

test('the one who watches may go, and the run stays', async () => {
  const { result, until, stop } = watching();
  await until('message');
  stop.abort();
  await assert.rejects(
    result,
    (error) =>
      error instanceof IvaapError && error.code === 'interrupted' && /the run continues/.test(error.message),
  );
  assert.equal(child.exitCode, null);
  assert.equal(child.signalCode, null);
});

test('when nothing runs, the last run is reported, with how to resume it when it was cut off', async () => {
  await endChild();
  assert.match((await watching().result).lines.join(), /none is recorded/);
  writeState('completed', 'completed');
  assert.match(
    (await watching().result).lines.join('\n'),
    /the last one: upgrade 2026\.1 -> 2026\.2, completed/,
  );
  writeState('running', 'running');
  const { lines, data } = await watching().result;
  assert.match(lines.join('\n'), /cut off[^]*it was running: upgrade_helm[^]*try: .* install --upgrade/);
  assert.equal(data.status, 'cut-off');
});
