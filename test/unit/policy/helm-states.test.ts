import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type HelmFacts, type HelmRecord, judgeHelm } from '../../../src/policy/helm-states.ts';

const now = new Date('2026-11-22T12:00:00Z');
const long = '2026-11-22T08:00:00Z';

/** `deployed`, or `superseded!` for one that is said to have failed; revisions from 1, all long ago. */
const history = (...statuses: string[]): HelmRecord[] =>
  statuses.map((text, place) => {
    const status = text.replace('!', '');
    const failed = text.endsWith('!') || status === 'failed';
    const description = failed ? 'Upgrade "tiny" failed: timed out' : 'Upgrade complete';
    return { revision: place + 1, status, chart: 'tiny-chart-2026.1.0', description, updated: long };
  });

const judge = (records: HelmRecord[], facts: Partial<HelmFacts> = {}) =>
  judgeHelm(records, {
    flow: 'upgrade',
    chart: 'tiny-chart',
    own: undefined,
    emptied: false,
    now,
    timeoutSeconds: 1200,
    ...facts,
  });

/** A Helm of ours that started at half past eleven after that revision and did not say when it ended. */
const own = (after: number) => ({
  after,
  from: new Date('2026-11-22T11:29:55Z'),
  first: new Date('2026-11-22T11:35:00Z'),
  to: new Date('2026-11-22T12:10:00Z'),
});

const brief = (records: HelmRecord[], facts: Partial<HelmFacts> = {}) => {
  const { state, act, remove, rollbackTo } = judge(records, facts);
  return [state, act, remove, rollbackTo];
};

test('each state is distinguished from the others, with what is removed and where a failure would go back to', () => {
  const none = undefined;
  const rows: [string[], ReturnType<typeof brief>][] = [
    [
      ['superseded', 'deployed'],
      ['deployed', 'upgrade', [], 2],
    ],
    [
      ['deployed', 'failed', 'failed'],
      ['failed', 'upgrade', [], 1],
    ],
    [['failed'], ['failed', 'upgrade', [], none]],
    [['pending-install'], ['pending-install', 'install', [1], none]],
    [
      ['deployed', 'pending-upgrade'],
      ['pending-upgrade', 'upgrade', [2], 1],
    ],
    [
      ['superseded', 'pending-upgrade'],
      ['pending-upgrade', 'upgrade', [2], 1],
    ],
    [
      ['deployed', 'failed', 'pending-rollback'],
      ['pending-rollback', 'upgrade', [3], 1],
    ],
    [
      ['superseded', 'failed', 'pending-rollback'],
      ['pending-rollback', 'upgrade', [3], 1],
    ],
    [
      ['deployed', 'pending-upgrade', 'pending-rollback'],
      ['pending-rollback', 'upgrade', [3, 2], 1],
    ],
    [
      ['superseded', 'superseded'],
      ['superseded-only', 'upgrade', [], 2],
    ],
    [
      ['deployed', 'uninstalling'],
      ['uninstalling', 'stop', [], none],
    ],
    [['uninstalled'], ['uninstalled', 'stop', [], none]],
    [
      ['deployed', 'notWritten-of'],
      ['unknown', 'stop', [], none],
    ],
    [
      ['uninstalling', 'pending-install'],
      ['uninstalling', 'stop', [], none],
    ],
  ];
  for (const flow of ['install', 'upgrade'] as const) {
    for (const [statuses, expected] of rows) {
      assert.deepEqual(brief(history(...statuses), { flow }), expected, `${flow}: ${statuses.join()}`);
    }
  }
});

test('no record at all is an install, but for an upgrade only where a repair took the record away', () => {
  assert.deepEqual(brief([], { flow: 'install' }), ['none', 'install', [], undefined]);
  assert.equal(judge([]).act, 'stop');
  assert.match(judge([]).why, /missing/);
  assert.equal(judge([], { emptied: true }).act, 'install');
});

test('a release of another chart stops, also where its name starts like ours', () => {
  for (const chart of ['other-1.0.0', 'tiny-chart-extra-1.0.0', 'tiny']) {
    const found = judge(history('deployed').map((record) => ({ ...record, chart })));
    assert.deepEqual([found.state, found.act], ['other-chart', 'stop'], chart);
    assert.ok(found.why.includes(chart));
  }
  assert.equal(
    judge(history('deployed').map((one) => ({ ...one, chart: 'tiny-chart-1.0.0-rc.1' }))).act,
    'upgrade',
  );
});

test('a failed revision that a failed rollback marked superseded is removed: a failure would go back to it', () => {
  assert.deepEqual(brief(history('deployed', 'superseded!', 'failed')), [
    'superseded-failure',
    'upgrade',
    [2],
    1,
  ]);
  // Older than the last good one it is history: nothing goes back to it.
  assert.deepEqual(brief(history('superseded!', 'deployed')), ['deployed', 'upgrade', [], 2]);
});

test('a pending record of a Helm that no run of ours started is left alone until its own limits have passed', () => {
  const young = history('deployed', 'pending-upgrade').map((record) => ({
    ...record,
    updated: '2026-11-22T11:30:00Z',
  }));
  const found = judge(young);
  assert.deepEqual([found.state, found.act, found.remove], ['pending-upgrade', 'stop', []]);
  assert.match(found.why, /until 2026-11-22T12:10:00/);
  assert.equal(judge(young, { now: new Date('2026-11-22T12:10:01Z') }).act, 'upgrade');
  assert.deepEqual(judge(young, { own: own(1) }).remove, [2], 'our own is dead as soon as its process is');
  assert.equal(judge(young, { own: own(0) }).act, 'stop', 'a later one is not ours');
  const rollback = history('deployed', 'failed', 'pending-rollback').map((one) => ({
    ...one,
    updated: young[1]!.updated,
  }));
  assert.deepEqual(judge(rollback, { own: own(1) }).remove, [3]);
});

test('the number alone makes no record ours: it was started while our Helm worked, or it belongs to an unknown Helm that is alive', () => {
  const pending = (status: string, updated: string) =>
    [
      ...history('deployed'),
      ...(status === 'pending-rollback' ? history('deployed', 'failed').slice(1) : []),
    ].concat([
      {
        revision: status === 'pending-rollback' ? 3 : 2,
        status,
        chart: 'tiny-chart-2026.1.0',
        description: 'Preparing upgrade',
        updated,
      },
    ]);
  const act = (status: string, updated: string, span = own(1)) =>
    judge(pending(status, updated), { own: span }).act;
  assert.equal(act('pending-upgrade', '2026-11-22T11:29:59Z'), 'upgrade');
  assert.equal(act('pending-upgrade', '2026-11-22T11:40:00Z'), 'stop', 'our Helm records at once, or never');
  assert.equal(act('pending-upgrade', '2026-11-22T11:25:00Z'), 'stop', 'begun before ours');
  assert.equal(act('pending-rollback', '2026-11-22T11:40:00Z'), 'upgrade', 'a rollback begins later');
  const ended = { ...own(1), first: new Date('2026-11-22T11:30:30Z'), to: new Date('2026-11-22T11:30:30Z') };
  assert.equal(act('pending-upgrade', '2026-11-22T11:31:00Z', ended), 'stop', 'begun after ours had ended');
  assert.equal(act('pending-rollback', '2026-11-22T11:31:00Z', ended), 'stop');
  assert.equal(act('pending-upgrade', 'yesterday'), 'stop', 'a time that cannot be read proves nothing');
});

test('Helm may keep more records where the one to go back to would be among those that it removes', () => {
  const failures = Array.from({ length: 12 }, () => 'failed');
  assert.equal(judge(history('deployed', ...failures)).historyMax, 10, 'a deployed one is spared by Helm');
  const full = judge(history('superseded', ...failures));
  assert.deepEqual([full.state, full.rollbackTo, full.historyMax], ['history-full', 1, 14]);
  assert.equal(judge(history('superseded', ...failures.slice(0, 8))).historyMax, 10);
  assert.equal(judge(history('superseded', ...failures.slice(0, 9))).historyMax, 11);
});
