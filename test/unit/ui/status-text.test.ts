import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusLines } from '../../../src/ui/status-text.ts';
import { wayBackOf } from '../../../src/backup/way-back.ts';
import { emptyState, type State } from '../../../src/engine/state.ts';
import type { StatusReport } from '../../../src/queries/status-schema.ts';

const unknown = { known: false, why: 'the Kubernetes API server does not answer' } as const;

function stateOf(status: 'running' | 'completed'): State {
  return {
    ...emptyState('tiny'),
    installed: { version: '2026.1', payloadDigest: 'a', completedAt: '2026-01-01T00:00:00Z' },
    run: {
      id: 'r',
      flow: 'upgrade',
      from: '2026.1',
      to: '2026.2',
      payloadDigest: 'b',
      startedAt: '2026-02-01T10:00:00Z',
      startedBy: 'olga',
      status,
      binary: '/opt/new/tiny',
      order: ['upgrade_preflight', 'upgrade_pg_backup', 'upgrade_helm'],
      steps: {
        upgrade_preflight: {
          status: 'completed',
          startedAt: '2026-02-01T10:00:00Z',
          finishedAt: '2026-02-01T10:00:02Z',
          attempts: 1,
          revision: 1,
          inputsHash: 'x',
        },
        upgrade_pg_backup: {
          status: 'skipped',
          startedAt: '2026-02-01T10:00:02Z',
          finishedAt: '2026-02-01T10:00:02Z',
          attempts: 1,
          revision: 1,
          inputsHash: 'x',
          reason: 'skipped on request',
        },
      },
    },
    skippedBackups: [{ by: 'olga', at: '2026-02-01T10:00:00Z', run: 'r', from: '2026.1', to: '2026.2' }],
  };
}

function report(state: StatusReport['state']): StatusReport {
  return {
    at: '2026-02-03T10:00:00.000Z',
    upgrade: { may: 'yes', why: [], hint: null, installed: true, healthy: true, unhealthy: [] },
    keptData: { known: true, value: [] },
    onPath: null,
    latestDump: null,
    schemaVerdict: null,
    running: null,
    waysOut: null,
    skippedBackup: (state.known && state.value !== null ? wayBackOf(state.value).skipped : undefined) ?? null,
    product: 'tiny',
    title: 'Tiny',
    payloadVersion: '2026.2',
    state,
    backups: { known: true, value: [{ folder: '/b/1', files: ['tinydb.sql'] }] },
    overlay: { known: true, value: null },
    release: unknown,
    host: null,
    schema: null,
    halted: { known: true, value: null },
    pods: unknown,
    health: unknown,
  };
}

test('steps are shown with time, duration and reason, and a skipped backup with who and when', () => {
  const text = statusLines(report({ known: true, value: stateOf('completed') })).join('\n');
  assert.match(text, /last run: upgrade 2026\.1 -> 2026\.2, completed, started 2026-02-01T10:00:00Z by olga/);
  assert.match(text, /upgrade_preflight +completed +2026-02-01T10:00:00Z +2\.0 s/);
  assert.match(text, /upgrade_pg_backup +skipped .*skipped on request/);
  assert.match(text, /upgrade_helm +not started/);
  assert.match(text, /no dump of this upgrade: 2026\.1 -> 2026\.2, --skip-backup by olga/);
  assert.match(text, /^ {2}\/b\/1\n {4}tinydb\.sql$/m);
});

test('what cannot be known is said once, and hides nothing else', () => {
  const lines = statusLines(report({ known: true, value: stateOf('completed') }));
  assert.equal(lines.filter((line) => line.includes('does not answer')).length, 2);
  const bare = statusLines(report({ known: true, value: null })).join('\n');
  assert.match(bare, /no state/);
});

test('a run that is recorded as running, with nobody at it, was cut off', () => {
  assert.match(
    statusLines(report({ known: true, value: stateOf('running') })).join('\n'),
    /2026\.2, was cut off, started/,
  );
});

test('a step that was cut off is not shown as running, unless its process lives', () => {
  const state = stateOf('running');
  state.run!.steps['upgrade_helm'] = {
    status: 'running',
    startedAt: '2026-02-01T10:00:05Z',
    attempts: 1,
    revision: 1,
    inputsHash: 'x',
  };
  const dead = report({ known: true, value: state });
  assert.match(statusLines(dead).join('\n'), /upgrade_helm +cut off +2026-02-01T10:00:05Z/);
  const running = {
    pid: 1,
    startTime: 1,
    bootId: 'b',
    command: 'install --upgrade',
    version: '2026.2',
    since: '2026-02-01T10:00:00Z',
    by: 'olga',
  };
  assert.match(statusLines({ ...dead, running }).join('\n'), /upgrade_helm +running +2026-02-01T10:00:05Z/);
});

test('every reason is said, and nothing is called unhealthy where nothing is installed', () => {
  const empty = report({ known: true, value: null });
  const upgrade = {
    may: 'no' as const,
    why: ['no install has completed', 'the cluster is down', 'the clock is wrong'],
    hint: 'ivaap install',
    installed: false,
    healthy: false,
    unhealthy: ['there is no Helm release'],
  };
  const lines = statusLines({ ...empty, upgrade });
  assert.equal(lines[0], 'may I upgrade? no: no install has completed; try: ivaap install');
  assert.deepEqual(lines.slice(2, 4), [
    '  also against an upgrade: the cluster is down',
    '  also against an upgrade: the clock is wrong',
  ]);
  assert.match(lines[1] ?? '', /; health: nothing is installed$/);
  assert.match(lines.join('\n'), /\nhealth:\n {2}nothing is installed$/);
  assert.doesNotMatch(lines.join('\n'), /NOT OK/);
});

test('what the names on PATH start is said where it is another release, with the command', () => {
  const installed = { version: '2026.1', payloadDigest: 'd', completedAt: '2026-02-01T10:00:00Z' };
  const restored = report({ known: true, value: { ...stateOf('completed'), installed } });
  const onPath = { version: '2026.2', names: ['ivaap', 'ki'], activate: 'sudo /media/ivaap activate' };
  assert.ok(
    statusLines({ ...restored, onPath }).includes(
      '  ivaap, ki on PATH start 2026.2; to put 2026.1 there: sudo /media/ivaap activate',
    ),
  );
  assert.match(
    statusLines({ ...restored, onPath: { ...onPath, activate: null } }).join('\n'),
    /there: type activate with the file of 2026\.1$/m,
  );
  assert.doesNotMatch(statusLines(restored).join('\n'), /on PATH/);
});

test('tables fit the screen from 60 to 200 columns, and digests are short', () => {
  const digest = 'sha256:'.padEnd(71, '0123456789abcdef');
  const pod = {
    name: 'connector-runner-7c9d8b6f5-x2x4z',
    phase: 'Running',
    ready: false,
    ends: false,
    restarts: 3,
    trouble: [
      'runner: CrashLoopBackOff, exit code 1, for want of a configuration that nobody has written yet',
    ],
    images: [
      { image: `registry.example/tiny/connector-runner:2026.2@${digest}`, imageId: digest, ready: false },
    ],
  };
  for (let width = 60; width <= 200; width += 20) {
    const shown = statusLines(
      {
        ...report({ known: true, value: stateOf('completed') }),
        release: { known: true, value: { revision: 3, status: 'deployed', version: '2026.2' } },
        pods: { known: true, value: [pod, { ...pod, name: 'db-0', trouble: [], ready: true, restarts: 0 }] },
      },
      width,
    );
    const cluster = shown.slice(shown.indexOf('cluster:'), shown.indexOf('health:'));
    for (const line of cluster) assert.ok(line.length <= width, `${width}: ${line}`);
    assert.doesNotMatch(cluster.join(''), /[0-9a-f]{13}/);
    assert.match(cluster.join(' ').replaceAll(/\s+/g, ' '), /connector-runner-7c9d8b6f5-x2x4z Running/);
  }
});
