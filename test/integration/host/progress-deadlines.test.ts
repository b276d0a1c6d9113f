import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Controller } from '../../../src/host/namespace-view.ts';
import { unmarked } from '../../../src/foreign.ts';
import { restartDeadlines } from '../../../src/release/progress-deadlines.ts';
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

describe('progress deadlines before Helm, on a real API server', () => {
  let release: ServedRelease;
  const lines: string[] = [];
  const now = new Date('2026-03-01T10:00:00Z');
  const restart = ({ kubectl = release.server.kubectl, signal = AbortSignal.timeout(30_000) } = {}) =>
    restartDeadlines(
      { kubectl, product: { namespace, release: 'wells' } as never, now: () => now },
      { log: (line) => lines.push(unmarked(line)), signal },
    );
  const conditions = async (name: string) => {
    const found = await release.server.kubectl.get<Controller>('deployment', name, { namespace });
    return found?.status?.conditions;
  };

  before(async () => {
    release = await ServedRelease.start();
    const names = ['backend', 'slow', 'worker', 'held'];
    const templates: Templates = Object.fromEntries(
      names.map((name) => [`${name}.yaml`, deployment(name)] as const),
    );
    await release.deploy(templates, 'install');
    await release.apply(deployment('others'));
    await release.status('deployment', 'backend', { conditions: passed });
    await release.status('deployment', 'others', { conditions: passed });
    await release.status('deployment', 'slow', {
      conditions: [available, condition('ReplicaSetUpdated', 'True')],
    });
    await release.status('deployment', 'worker', {
      conditions: [available, condition('NewReplicaSetAvailable', 'True')],
    });
    await release.status('deployment', 'held', {
      conditions: [available, condition('DeploymentPaused', 'Unknown')],
    });
  });
  after(() => release.server.stop());

  it('count from now on where pods of the release are not ready, passed or not, and nowhere else', async () => {
    const others = ['worker', 'held', 'others'];
    const before = await Promise.all(others.map(conditions));
    await restart();
    for (const name of ['backend', 'slow']) {
      const [kept, progressing] = (await conditions(name)) as unknown as Record<string, string>[];
      assert.deepEqual(kept, available, name);
      assert.equal(progressing?.['status'], 'True', name);
      assert.equal(progressing['reason'], 'DeadlineRestarted', name);
      assert.equal(progressing['lastUpdateTime'], '2026-03-01T10:00:00Z', name);
    }
    assert.deepEqual(await Promise.all(others.map(conditions)), before);
    assert.deepEqual(lines.toSorted(), [
      'Deployment/backend: its progress deadline counts from now on',
      'Deployment/slow: its progress deadline counts from now on',
    ]);
  });

  it('stops nothing where the server does not take it, and ends when the run is asked to stop', async () => {
    lines.length = 0;
    await release.status('deployment', 'backend', { conditions: passed });
    const { kubectl } = release.server;
    const run = () => Promise.reject(new Error('the server is away'));
    await restart({ kubectl: { ...kubectl, run } });
    const said = 'progress deadlines stay as they are: the server is away';
    assert.deepEqual(lines, [said, said], 'a line for each of the two');
    lines.length = 0;
    await restart({ kubectl: { ...kubectl, list: () => Promise.reject(new Error('the server is away')) } });
    assert.deepEqual(lines, [said]);
    await assert.rejects(restart({ signal: AbortSignal.abort(new Error('stopped')) }), /stopped/);
  });
});
