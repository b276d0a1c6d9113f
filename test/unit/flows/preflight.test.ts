import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { eventSchema } from '../../../src/engine/events.ts';
import { stopRequest } from '../../../src/engine/failure.ts';
import { Redactor } from '../../../src/engine/redact.ts';
import { IvaapError } from '../../../src/errors.ts';
import { type Measure, runPreflight } from '../../../src/flows/preflight.ts';
import type { CheckId } from '../../../src/policy/preflight-checks.ts';

const redactor = new Redactor();
redactor.add('a-password-of-somebody');

const ok = { outcome: 'ok', measured: 'good', limit: 'good' } as const;

function run(measures: [CheckId, Measure][], signal = new AbortController().signal) {
  const events: EngineEvent[] = [];
  const report = runPreflight({
    flow: 'upgrade',
    tolerant: false,
    waivers: [],
    measures: () => new Map(measures),
    emit: (event) => events.push(event),
    redactor,
    signal,
    now: () => new Date(),
  });
  return { events, report };
}

test('all checks run side by side, whatever one of them throws, and give one report in the table’s order', async () => {
  let meet = () => {};
  const met = new Promise<void>((done) => (meet = done));
  const { events, report } = run([
    ['clock', async () => (await met, ok)],
    ['pods', async () => (meet(), ok)],
    ['memory', () => Promise.reject(new Error('no such file: a-password-of-somebody'))],
    [
      'helm-state',
      () =>
        Promise.reject(
          new IvaapError('preflight', 'the release is uninstalling', { hint: 'look', output: 'words' }),
        ),
    ],
    [
      'room',
      async () => [
        { ...ok, part: '/a' },
        { ...ok, part: '/b', outcome: 'fail' },
      ],
    ],
  ]);
  const { results } = await report;
  assert.deepEqual(
    results.map(({ id, status }) => [id, status]),
    [
      ['memory', 'fail'],
      ['room:/a', 'ok'],
      ['room:/b', 'fail'],
      ['helm-state', 'fail'],
      ['pods', 'ok'],
      ['clock', 'ok'],
    ],
  );
  assert.equal(results[0]?.measured, 'could not be measured: no such file: [redacted]');
  const { measured, fix, output } = results[3] ?? {};
  assert.deepEqual([measured, fix, output], ['the release is uninstalling', 'look', 'words']);
  assert.equal(events.at(-1)?.type, 'preflight.report');
  for (const event of events) eventSchema.parse(event);
});

test('a check that takes longer than its time fails by itself, and is asked to stop', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const seen: { stopped?: AbortSignal } = {};
  const { report } = run([
    ['pods', async () => ok],
    ['cpus', (signal) => ((seen.stopped = signal), new Promise(() => {}))],
  ]);
  t.mock.timers.tick(30_000);
  const { results } = await report;
  assert.deepEqual(
    results.map(({ id, measured }) => [id, measured]),
    [
      ['cpus', 'no answer within 30 s'],
      ['pods', 'good'],
    ],
  );
  assert.equal(seen.stopped?.aborted, true);
});

test('a stop request ends it with the request', async () => {
  const stop = new AbortController();
  const { report } = run(
    [['pods', async (signal) => (await sleep(60_000, undefined, { signal }), ok)]],
    stop.signal,
  );
  stop.abort(stopRequest('SIGINT'));
  await assert.rejects(report, /stopped by SIGINT/);
});
