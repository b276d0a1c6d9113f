import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { eventSchema } from '../../../src/engine/events.ts';
import { Reporter } from '../../../src/engine/reporter.ts';
import { Redactor } from '../../../src/engine/redact.ts';
import { checks } from '../../../src/checks/all.ts';
import type { BoundCheck } from '../../../src/checks/check.ts';
import { IvaapError, stopRequest } from '../../../src/errors.ts';
import { runPreflight } from '../../../src/flows/run-preflight.ts';

const redactor = new Redactor();
redactor.add('a-password-of-somebody');

const ok = { outcome: 'ok', measured: 'good', limit: 'good' } as const;

function run(
  measures: [string, (signal: AbortSignal) => ReturnType<BoundCheck['measure']>][],
  signal = new AbortController().signal,
  { tolerant = false, hides = redactor } = {},
) {
  const events: EngineEvent[] = [];
  const reporter = new Reporter({
    draw: (event) => events.push(event),
    redactor: hides,
  });
  const outcome = runPreflight(
    {
      flow: 'upgrade',
      tolerant,
      waivers: [],
      waivable: [],
      checks: (ends) =>
        checks.flatMap((check) =>
          measures
            .filter(([id]) => id === check.id)
            .map(([, measure]) => ({ ...check, measure: () => measure(ends) })),
        ),
    },
    { reporter, signal },
  );
  const report = outcome.then((found) => found.report);
  const ended = outcome.then((found) => {
    if (found.blocked !== undefined) throw found.blocked;
    return found.report;
  });
  // A test may ask for one of the two alone.
  for (const one of [report, ended]) one.catch(() => {});
  return { events, report, ended };
}

test('all checks run in parallel, even if one of them throws, and give one report in the table’s order', async () => {
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

test('one cause is reported by the first check that it stops, and nothing that blocks is let through by it', async () => {
  const shared = new IvaapError('failed', 'helm template failed', {
    output: 'line 3: a tab',
    hint: 'mend it',
  });
  const fails = async () => {
    throw shared;
  };
  const { report } = run([
    ['chart', fails],
    ['postgres-major', fails],
    ['images', fails],
    ['pods', async () => Promise.reject(new Error('another cause'))],
  ]);
  const { results } = await report;
  const reported = results.map(({ id, status, measured }) => [id, status, measured]);
  assert.deepEqual(reported, [
    ['chart', 'fail', 'could not be measured: helm template failed'],
    ['postgres-major', 'warn', 'not known: chart failed'],
    ['images', 'warn', 'not known: chart failed'],
    ['pods', 'fail', 'could not be measured: another cause'],
  ]);
  assert.equal(results.filter(({ output }) => output !== undefined).length, 1);
  // A check that does not stop this run lets nobody else off.
  const tolerated = run(
    [
      ['database', fails],
      ['postgres-major', fails],
    ],
    undefined,
    { tolerant: true },
  );
  const blocking = (await tolerated.report).results.filter(({ status }) => status === 'fail');
  assert.deepEqual(
    blocking.map(({ id }) => id),
    ['postgres-major'],
  );
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

test('what was measured is judged, even if redaction changes the report', async () => {
  class Blind extends Redactor {
    override value<T>(given: T): T {
      return JSON.parse(JSON.stringify(given).replaceAll('"fail"', '"ok"').replaceAll('no more', 'x')) as T;
    }
  }
  const { report, ended } = run(
    [['memory', async () => ({ ...ok, outcome: 'fail', measured: 'no more' })]],
    undefined,
    { hides: new Blind() },
  );
  await assert.rejects(ended, { code: 'preflight', message: /memory: no more/ });
  const { results } = await report;
  assert.deepEqual(
    results.map(({ status, measured }) => [status, measured]),
    [['ok', 'x']],
  );
});
