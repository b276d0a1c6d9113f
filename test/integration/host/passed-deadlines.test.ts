import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Controller } from '../../../src/host/namespace-view.ts';
import { unmarked } from '../../../src/foreign.ts';
import { restartPassedDeadlines } from '../../../src/release/passed-deadlines.ts';
import { namespace, ServedRelease, type Templates } from '../../fixtures/served-release.ts';

const deployment = (name: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: it, image: "x/it:1" }] }
`;

const condition = (reason: string, status: string) => ({
  type: 'Progressing',
  status,
  reason,
  message: 'as Kubernetes says it',
  lastUpdateTime: '2026-01-01T00:00:00Z',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const available = { ...condition('MinimumReplicasUnavailable', 'False'), type: 'Available' };
const passed = [available, condition('ProgressDeadlineExceeded', 'False')];

describe('a progress deadline that has passed, on a real API server', () => {
  let release: ServedRelease;
  const lines: string[] = [];
  const now = new Date('2026-03-01T10:00:00Z');
  const restart = ({ kubectl = release.server.kubectl, signal = AbortSignal.timeout(30_000) } = {}) =>
    restartPassedDeadlines(
      { kubectl, product: { namespace, release: 'wells' } as never, now: () => now },
      { log: (line) => lines.push(unmarked(line)), signal },
    );
  const conditions = async (name: string) => {
    const found = await release.server.kubectl.get<Controller>('deployment', name, { namespace });
    return found?.status?.conditions;
  };

  before(async () => {
    release = await ServedRelease.start();
    const templates: Templates = { 'a.yaml': deployment('backend'), 'b.yaml': deployment('worker') };
    await release.deploy(templates, 'install');
    await release.apply(deployment('others'));
    await release.status('deployment', 'backend', { conditions: passed });
    await release.status('deployment', 'others', { conditions: passed });
    await release.status('deployment', 'worker', {
      conditions: [available, condition('NewReplicaSetAvailable', 'True')],
    });
  });
  after(() => release.server.stop());

  it('counts anew in the release, and stays as it is in all other Deployments', async () => {
    const [worker, others] = [await conditions('worker'), await conditions('others')];
    await restart();
    const [kept, progressing] = (await conditions('backend')) as unknown as Record<string, string>[];
    assert.deepEqual(kept, available);
    assert.equal(progressing?.['status'], 'True');
    assert.equal(progressing['reason'], 'DeadlineRestarted');
    assert.equal(progressing['lastUpdateTime'], '2026-03-01T10:00:00Z');
    assert.deepEqual(await conditions('worker'), worker);
    assert.deepEqual(await conditions('others'), others);
    assert.deepEqual(lines, ['Deployment/backend: its progress deadline had passed, and counts from now on']);
    await restart();
    assert.equal(lines.length, 1, 'nothing is left to restart');
  });

  it('stops nothing where the server does not take it, and ends when the run is asked to stop', async () => {
    lines.length = 0;
    await release.status('deployment', 'backend', { conditions: passed });
    const { kubectl } = release.server;
    const run = () => Promise.reject(new Error('the server is away'));
    await restart({ kubectl: { ...kubectl, run } });
    assert.deepEqual(lines, ['progress deadlines that have passed stay so: the server is away']);
    await assert.rejects(restart({ signal: AbortSignal.abort(new Error('stopped')) }), /stopped/);
  });
});
