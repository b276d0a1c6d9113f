import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { type EngineEvent, eventSchema, eventsVersion } from '../../../src/engine/events.ts';
import { Redactor } from '../../../src/engine/redact.ts';
import { Reporter } from '../../../src/engine/reporter.ts';
import { RunLog } from '../../../src/engine/run-log.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { invoke, openJournal, step } from './sample-graph.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-log-'));
});
after(() => rm(folder, { recursive: true, force: true }));

function placed(place: Partial<Parameters<RunLog['place']>[0]>): RunLog {
  const log = new RunLog();
  log.place({ folder, by: 'operator', redactor: new Redactor(), ...place });
  return log;
}

const at = '2026-11-22T15:04:05.678Z';
const readLines = async (path: string) =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });

test('on a disk that is nearly full what programs say is left out, what the run does is not', async () => {
  const log = placed({ folder: join(folder, 'nearly-full'), hasRoom: () => false });
  const host = { disk: new FaultyDisk(), world: { effects: [] }, events: [] };
  await invoke(host, [step('a')], { emit: (event) => log.handle(event) });
  for (const line of ['one', 'two'])
    log.handle({ type: 'program.log', at, program: 'helm', stream: 'stderr', line });
  log.handle({ type: 'message', at, level: 'warning', line: 'look here' });
  log.end({ status: 'completed', exitCode: 0 });
  const text = await readFile(log.path ?? '', 'utf8');
  assert.doesNotMatch(text, /"one"|"two"/);
  assert.equal(text.match(/the disk is nearly full/g)?.length, 1);
  assert.match(text, /step\.completed.*"look here".*"RESULT"/s);
});

test('the log holds every event of a run, who ran it, and ends with a RESULT line', async () => {
  const log = placed({ folder: join(folder, 'logs') });
  log.handle({ type: 'task.started', at, task: 'payload', title: 'Check the payload' });
  assert.equal(log.path, undefined);
  await assert.rejects(stat(join(folder, 'logs')), 'nothing is written before a run begins');
  const host = { disk: new FaultyDisk(), world: { effects: [] }, events: [] };
  const result = await invoke(host, [step('a')], { emit: (event) => log.handle(event) });
  log.end({ status: 'completed', exitCode: 0 });
  const path = join(folder, 'logs', `${result.run}.jsonl`);
  assert.equal(log.path, path);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const lines = await readLines(path);
  assert.deepEqual(
    lines.map(({ type }) => type),
    ['LOG', 'task.started', 'run.started', 'step.started', 'step.completed', 'run.completed', 'RESULT'],
  );
  assert.partialDeepStrictEqual(lines[0], { by: 'operator', pid: process.pid });
  assert.partialDeepStrictEqual(lines.at(-1), { status: 'completed', exitCode: 0 });
  for (const line of lines.slice(1, -1)) eventSchema.parse(line);
});

test('progress is thinned to a line a second for each step', async () => {
  const log = placed({});
  log.handle({
    type: 'run.started',
    at,
    version: eventsVersion,
    run: 'thin',
    flow: 'f',
    from: null,
    to: '1',
    resumed: false,
    steps: [],
  });
  for (let second = 0; second < 12; second += 1) {
    const later = new Date(Date.parse(at) + second * 250).toISOString();
    log.handle({ type: 'step.progress', at: later, step: 'a', done: second, unit: 'pods' });
  }
  log.end({ status: 'completed', exitCode: 0 });
  const lines = await readLines(join(folder, 'thin.jsonl'));
  assert.equal(lines.filter(({ type }) => type === 'step.progress').length, 3);
});

test('a log that cannot be written stops nothing', async () => {
  const blocked = join(folder, 'a-file');
  await writeFile(blocked, '');
  const reported: string[] = [];
  const log = placed({ folder: join(blocked, 'logs'), onUnwritable: (reason) => reported.push(reason) });
  const host = { disk: new FaultyDisk(), world: { effects: [] }, events: [] };
  await invoke(host, [step('a')], { emit: (event) => log.handle(event) });
  log.end({ status: 'completed', exitCode: 0 });
  assert.equal(log.path, undefined);
  assert.match(reported.join('|'), /^ENOTDIR[^|]*$/);
});

const begun = (run: string): EngineEvent => ({
  type: 'run.started',
  at,
  version: eventsVersion,
  run,
  flow: 'upgrade',
  from: null,
  to: '1',
  resumed: false,
  steps: [],
});

test('a full disk under the log is reported once, and what comes later is tried again', async () => {
  await symlink('/dev/full', join(folder, 'full.jsonl'));
  const reported: string[] = [];
  const log = placed({ onUnwritable: (reason) => reported.push(reason) });
  log.handle(begun('full'));
  log.handle({ type: 'message', at, level: 'info', line: 'x' });
  log.end({ status: 'completed', exitCode: 0 });
  assert.match(reported.join('|'), /^ENOSPC[^|]*$/);
});

test('a program that ends without a result closes its log all the same, and continues after half a line of a dead one', async () => {
  await writeFile(join(folder, 'ends.jsonl'), '{"type":"half a li');
  const source = (name: string) => JSON.stringify(join(import.meta.dirname, '../../../src/engine', name));
  const code = `import { RunLog } from ${source('run-log.ts')};
    import { Redactor } from ${source('redact.ts')};
    const log = new RunLog();
    log.place({ folder: ${JSON.stringify(folder)}, by: 'x', redactor: new Redactor() });
    log.handle(${JSON.stringify(begun('ends'))});
    process.exit(70);`;
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
  assert.equal(status, 70);
  const [half, ...lines] = (await readFile(join(folder, 'ends.jsonl'), 'utf8')).trimEnd().split('\n');
  assert.equal(half, '{"type":"half a li');
  const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
  assert.deepEqual(types, ['LOG', 'run.started', 'RESULT']);
  assert.match(lines.at(-1) ?? '', /"status":"bug","exitCode":70/);
});

test('the output of programs is kept up to a limit, reported once', async () => {
  const log = placed({});
  log.handle(begun('loud'));
  const line = 'x'.repeat(1_000_000);
  for (let count = 0; count < 40; count += 1) {
    log.handle({ type: 'step.log', at, step: 'a', line, program: 'helm', stream: 'stderr' });
  }
  log.end({ status: 'completed', exitCode: 0 });
  const lines = await readLines(join(folder, 'loud.jsonl'));
  assert.equal(lines.filter(({ type }) => type === 'step.log').length, 33);
  assert.equal(lines.filter(({ type }) => type === 'message').length, 1);
  assert.equal(lines.at(-1)?.type, 'RESULT');
});

test('a secret that leaks into an error reaches neither events, log, state nor the thrown error', async () => {
  const secret = 'canary-5f2c9e';
  const redactor = new Redactor();
  redactor.add(secret);
  const emitted: string[] = [];
  const reporter = new Reporter({ redactor, draw: (event) => emitted.push(JSON.stringify(event)) });
  const { log } = reporter;
  log.place({ folder, by: 'operator', redactor });
  const disk = new FaultyDisk();
  const leaky = step('a', {
    run: (io) => {
      io.log(`password=${secret}`);
      io.warn(secret);
      io.progress({ done: 1, unit: 'pods', note: secret });
      throw new IvaapError('failed', `no luck with ${secret}`, { cause: new Error(secret), output: secret });
    },
  });
  const host = { disk, world: { effects: [] }, events: [] };
  const error = await invoke(host, [leaky], { reporter }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  log.end({ status: 'failed', exitCode: 6, message: secret });
  assert.ok(error instanceof IvaapError);
  assert.match(error.message, /no luck with \[redacted\]/);
  const { state } = await openJournal(disk);
  const everything = [
    ...emitted,
    JSON.stringify(state),
    await readFile(log.path ?? '', 'utf8'),
    `${error.message} ${error.stack} ${error.output} ${String(error.cause)}`,
  ].join('\n');
  assert.ok(!everything.includes(secret), everything);
  assert.match(everything, /\[redacted\]/);
});
