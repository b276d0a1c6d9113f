import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ReleaseChange, releaseChange } from '../../../src/release/release-change.ts';
import { namespace, ServedRelease, type Templates } from '../../fixtures/served-release.ts';

/** A plan says what a real API server would make of what lives now, whatever Helm's record says. */

const deployment = (name: string, image: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: main, image: "x/${name}:${image}", resources: { requests: { cpu: 1000m } } }] }
`;
const settings = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: "1" }\n';
const generated = `
{{- $old := lookup "v1" "Secret" .Release.Namespace "generated" }}
apiVersion: v1
kind: Secret
metadata: { name: generated }
data: { key: {{ if $old }}{{ $old.data.key }}{{ else }}{{ randAlphaNum 20 | b64enc }}{{ end }} }
`;
const hook = (event: string, name: string) =>
  `apiVersion: batch/v1\nkind: Job\nmetadata: { name: ${name}, annotations: { helm.sh/hook: ` +
  `"${event}" } }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, ` +
  'image: b }] } } }\n';

const first: Templates = {
  backend: deployment('backend', 1),
  admin: deployment('admin', 1),
  settings,
  generated,
};

describe('the plan of an upgrade on a real API server', () => {
  let release: ServedRelease;
  before(async () => {
    release = await ServedRelease.start();
    await release.deploy(first, 'install');
  });
  after(() => release.server.stop());

  const plan = (templates: Templates): Promise<ReleaseChange> =>
    releaseChange(release.context(templates), new AbortController().signal);
  const restarts = ({ pods }: ReleaseChange) =>
    pods.filter(({ how }) => how === 'restart').map(({ workload }) => workload);

  it('says nothing where nothing changes: a secret that the chart looks up stays as it is', async () => {
    const { diff, drift, pods } = await plan(first);
    assert.deepEqual(
      { diff, drift, pods },
      {
        diff: { added: [], changed: [], removed: [] },
        drift: { added: [], changed: [], removed: [] },
        pods: [],
      },
    );
  });

  it('says what a new image restarts, and nothing else', async () => {
    const change = await plan({ ...first, backend: deployment('backend', 2) });
    assert.deepEqual(restarts(change), ['Deployment/backend']);
    assert.deepEqual(
      change.diff.changed.map(({ fields }) => fields),
      [[{ path: 'spec.template.spec.containers[main].image', from: 'x/backend:1', to: 'x/backend:2' }]],
    );
  });

  it('names the hooks that an upgrade runs, before before after, and no other', async () => {
    const { hooks } = await plan({
      ...first,
      a: hook('post-upgrade', 'later'),
      b: hook('pre-install,pre-upgrade', 'earlier'),
      c: hook('test', 'never'),
    });
    assert.deepEqual(
      hooks.map(({ object, events }) => [object, events]),
      [
        ['Job/earlier', ['pre-upgrade']],
        ['Job/later', ['post-upgrade']],
      ],
    );
  });

  it('says what somebody has changed and deleted since, and restarts what the record would not', async () => {
    await release.kubectl(`set image deployment/admin main=x/admin:9 -n ${namespace}`);
    await release.kubectl(`scale deployment backend --replicas=3 -n ${namespace}`);
    await release.kubectl(`delete configmap settings -n ${namespace}`);
    const change = await plan(first);
    assert.deepEqual(restarts(change), ['Deployment/admin'], 'the record and the chart say the same image');
    assert.deepEqual(change.diff.added, ['ConfigMap/settings']);
    const { changed = [], removed } = change.drift ?? {};
    assert.deepEqual(removed, [{ object: 'ConfigMap/settings', kept: false }]);
    const fields = Object.fromEntries(changed.map((one) => [one.object, one.fields]));
    assert.deepEqual(fields, {
      'Deployment/backend': [{ path: 'spec.replicas', from: 1, to: 3 }],
      'Deployment/admin': [
        { path: 'spec.template.spec.containers[main].image', from: 'x/admin:1', to: 'x/admin:9' },
      ],
    });
  });
});
