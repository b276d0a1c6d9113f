import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { haltKey } from '../../../src/backup/restore-halt.ts';
import type { Measurement } from '../../../src/policy/preflight-report.ts';
import { findFieldConflicts } from '../../../src/release/field-conflicts.ts';
import { sudo } from '../../../src/shell-word.ts';
import { rowsOfTheCommit } from '../../proofs/rows.ts';
import { namespace, ServedRelease, type Templates } from '../../fixtures/served-release.ts';

/**
 * What a real API server says against objects before Helm touches any: each kind of refusal, and its twin
 * that is allowed.
 */

const deployment = (
  name: string,
  more: { pod?: string; spec?: string; image?: string; label?: string } = {},
) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${more.label ?? name} } }
  ${more.spec ?? ''}
  template:
    metadata: { labels: { app: ${more.label ?? name} } }
    spec:
      containers: [{ name: ${name}, image: "x/${name}:${more.image ?? '2'}" ${more.pod ?? ''} }]
`;
const service = (name: string, port: number) => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { type: NodePort, selector: { app: x }, ports: [{ port: 80, nodePort: ${port} }] }
`;
const claimed = (size: string, serviceName = 'db') => `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  serviceName: ${serviceName}
  replicas: 1
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { containers: [{ name: db, image: "x/db:2" }] }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: ${size} } } }
`;
const policy = (name: string, kinds: string, expression: string, message: string) => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: ${name} }
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ${namespace} } }
    resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [${kinds}] }]
  validations: [{ expression: ${JSON.stringify(expression)}, message: ${JSON.stringify(message)} }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: ${name} }
spec: { policyName: ${name}, validationActions: [Deny] }
`;
const webhook = (name: string, { failurePolicy = 'Fail', resources = 'pods', inside = namespace }) => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: ${name} }
webhooks:
  - name: ${name}.example.com
    failurePolicy: ${failurePolicy}
    sideEffects: None
    admissionReviewVersions: [v1]
    timeoutSeconds: 2
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ${inside} } }
    clientConfig: { service: { name: gone, namespace: ${namespace} }, caBundle: "" }
    rules: [{ apiGroups: [""], apiVersions: ["*"], operations: [CREATE], resources: [${resources}] }]
`;

const first: Templates = {
  backend: deployment('backend', { image: '1' }),
  service: service('backend', 30080),
  db: claimed('1Gi'),
};
const next: Templates = { ...first, backend: deployment('backend') };

interface Row {
  name: string;
  templates: Templates;
  /** Applied before, deleted after. */
  with?: string;
  /** Other changes of the cluster before, as kubectl's words, and what takes them back. */
  words?: string[];
  back?: string[];
  /** Id's part -> what it must say. Empty: allowed. */
  refused: Record<string, RegExp>;
  fix?: RegExp;
}

const rows: Row[] = [
  { name: 'a plain change of an image', templates: next, refused: {} },
  {
    name: 'a change freeze by an admission policy',
    templates: next,
    with: policy('freeze', 'deployments', 'false', 'change freeze until Monday'),
    refused: { 'Deployment/backend': /change freeze until Monday/ },
    fix: /^k3s kubectl describe validatingadmissionpolicy freeze$/,
  },
  {
    name: 'Helm’s own record, which a policy does not want',
    templates: next,
    with: policy('records', 'secrets', '!object.metadata.name.startsWith("sh.helm.")', 'no releases'),
    refused: { 'Secret/sh.helm.release.v1.wells.v2': /^Helm's own record of the upgrade: .*no releases/ },
    fix: /^k3s kubectl describe validatingadmissionpolicy records$/,
  },
  {
    name: 'Secrets that a policy does not want, Helm’s aside',
    templates: next,
    with: policy('records', 'secrets', 'object.metadata.name.startsWith("sh.helm.")', 'no others'),
    refused: {},
  },
  {
    name: 'a freeze of another kind of object',
    templates: next,
    with: policy('freeze', 'cronjobs', 'false', 'no'),
    refused: {},
  },
  {
    name: 'an admission policy on pods alone',
    templates: next,
    with: policy('pods', 'pods', 'object.spec.containers.all(c, has(c.securityContext))', 'say who runs it'),
    refused: { 'Deployment/backend': /^its pods: .*say who runs it/ },
  },
  {
    name: 'a policy that keeps people, not controllers, from making pods',
    templates: next,
    with: policy(
      'people',
      'pods',
      'request.userInfo.username.startsWith("system:serviceaccount:kube-system:") ' +
        '&& has(object.metadata.ownerReferences)',
      'no pods by hand',
    ),
    refused: {},
  },
  {
    name: 'an environment variable twice',
    templates: {
      ...first,
      backend: deployment('backend', { pod: ', env: [{ name: A, value: "1" }, { name: A, value: "2" }]' }),
    },
    refused: { 'Deployment/backend': /duplicate entries for key \[name="A"\]/ },
    fix: /^\$\{EDITOR:-vi\} /,
  },
  {
    name: 'the same variable in two containers',
    templates: {
      ...first,
      backend: deployment('backend', {
        pod: ', env: [{ name: A, value: "1" }] }, { name: side, image: s, env: [{ name: A, value: "1" }]',
      }),
    },
    refused: {},
  },
  {
    name: 'a directive of a patch, and a field that nobody declares',
    templates: {
      ...first,
      backend: deployment('backend', { pod: ', $patch: replace', spec: 'nonsense: 3' }),
    },
    refused: { 'Deployment/backend': /(\$patch|nonsense): field not declared in schema/ },
  },
  {
    name: 'another selector',
    templates: { ...first, backend: deployment('backend', { label: 'other' }) },
    refused: { 'Deployment/backend': /spec\.selector: .*field is immutable/ },
    fix: /^k3s kubectl get deployment backend -n wells -o yaml$/,
  },
  {
    name: 'a StatefulSet’s fields that never change',
    templates: { ...first, db: claimed('2Gi') },
    refused: { 'StatefulSet/db': /updates to statefulset spec for fields other than/ },
  },
  {
    name: 'a kind without its definition',
    templates: {
      ...next,
      monitor: 'apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: { name: m }\n',
    },
    refused: { 'ServiceMonitor/m': /no matches for kind "ServiceMonitor"/ },
    fix: /api-resources/,
  },
  {
    name: 'a node port that is taken',
    templates: { ...next, second: service('second', 30080) },
    refused: { 'Service/second': /30080: provided port is already allocated/ },
    fix: /^k3s kubectl get services -A \| grep 30080$/,
  },
  { name: 'a node port that is free', templates: { ...next, second: service('second', 30081) }, refused: {} },
  {
    name: 'an object of somebody else’s',
    templates: {
      ...next,
      settings: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: "2" }\n',
    },
    with: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: "1" }\n',
    refused: { 'ConfigMap/settings': /does not belong to this release: no label .*managed-by=Helm/ },
    fix: /^k3s kubectl label configmap settings -n wells --overwrite \S+=Helm && k3s kubectl annotate configmap settings /,
  },
  {
    name: 'an object with the release’s marks',
    templates: {
      ...next,
      settings: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: "2" }\n',
    },
    with: `apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  labels: { app.kubernetes.io/managed-by: Helm }
  annotations: { meta.helm.sh/release-name: wells, meta.helm.sh/release-namespace: wells }
`,
    refused: {},
  },
  {
    name: 'a webhook on pods that is dead',
    templates: next,
    with: webhook('dead', {}),
    refused: { 'Deployment/backend': /^its pods: .*failed calling webhook "dead\.example\.com"/ },
    fix: /validatingwebhookconfigurations/,
  },
  {
    name: 'a dead webhook whose failure is ignored',
    templates: next,
    with: webhook('dead', { failurePolicy: 'Ignore' }),
    refused: {},
  },
  {
    name: 'a dead webhook of another namespace',
    templates: next,
    with: webhook('dead', { inside: 'kube-system' }),
    refused: {},
  },
  {
    name: 'a dead webhook on objects that the chart has none of',
    templates: next,
    with: webhook('dead', { resources: 'endpoints' }),
    refused: {},
  },
  {
    name: 'a pod beyond a limit range',
    templates: {
      ...first,
      backend: deployment('backend', {
        pod: ', resources: { requests: { cpu: "3" }, limits: { cpu: "3" } }',
      }),
    },
    with:
      'apiVersion: v1\nkind: LimitRange\nmetadata: { name: most }\nspec: ' +
      '{ limits: [{ type: Container, max: { cpu: "1" } }] }\n',
    refused: { 'Deployment/backend': /^its pods: .*maximum cpu usage per Container is 1/ },
    fix: /^k3s kubectl describe limitrange -n wells$/,
  },
  {
    name: 'a pod that pod security forbids',
    templates: next,
    words: [`label namespace ${namespace} pod-security.kubernetes.io/enforce=restricted`],
    back: [`label namespace ${namespace} pod-security.kubernetes.io/enforce-`],
    refused: { 'Deployment/backend': /^its pods: .*violates PodSecurity "restricted/ },
  },
  {
    name: 'a pod that pod security forbids and that nobody makes anew',
    templates: first,
    words: [`label namespace ${namespace} pod-security.kubernetes.io/enforce=restricted`],
    back: [`label namespace ${namespace} pod-security.kubernetes.io/enforce-`],
    refused: {},
  },
  {
    name: 'a namespace of the chart’s own with an object in it',
    templates: {
      ...next,
      space: 'apiVersion: v1\nkind: Namespace\nmetadata: { name: side }\n',
      inside: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: side }\n',
    },
    refused: {},
  },
  {
    name: 'a namespace that nobody makes',
    templates: {
      ...next,
      inside: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: side }\n',
    },
    refused: { 'ConfigMap/a': /namespaces "side" not found/ },
  },
  {
    name: 'a hook that the server refuses',
    templates: {
      ...next,
      hook:
        'apiVersion: batch/v1\nkind: Job\nmetadata: { name: move, annotations: { "helm.sh/hook": ' +
        'pre-upgrade } }\nspec: { template: { spec: { restartPolicy: Always, containers: [{ name: ' +
        'a, image: b }] } } }\n',
    },
    refused: { 'Job/move': /^its hook: .*restartPolicy/ },
  },
  {
    name: 'a hook that is there from last time',
    templates: {
      ...next,
      hook:
        'apiVersion: batch/v1\nkind: Job\nmetadata: { name: move, annotations: { "helm.sh/hook": ' +
        'pre-upgrade } }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: ' +
        'a, image: "b:2" }] } } }\n',
    },
    with:
      'apiVersion: batch/v1\nkind: Job\nmetadata: { name: move }\nspec: { template: { ' +
      'spec: { restartPolicy: Never, containers: [{ name: a, image: "b:1" }] } } }\n',
    refused: {},
  },
];

const failed = (found: readonly Measurement[]) => found.filter(({ outcome }) => outcome === 'fail');

describe('objects on a real API server', () => {
  let release: ServedRelease;
  let untouched = '';
  const everything = () => release.kubectl(`get all,secrets -n ${namespace} -o json`);
  before(async () => {
    release = await ServedRelease.start();
    await release.deploy(first, 'install');
    // Without controllers nobody else says that all pods are there.
    await release.status('deployment', 'backend', { replicas: 1 });
    await release.status('statefulset', 'db', { replicas: 1 });
    untouched = await everything();
  });
  after(() => release.server.stop());

  for (const row of rowsOfTheCommit(rows)) {
    it(`${Object.keys(row.refused).length === 0 ? 'allows' : 'refuses'} ${row.name}`, async () => {
      if (row.with !== undefined) await release.apply(row.with);
      for (const words of row.words ?? []) await release.kubectl(words);
      try {
        let found = failed((await release.preflight(row.templates)).objects);
        // A policy takes a moment to be in force, and to be out of it.
        for (let tries = 0; tries < 40 && found.length !== Object.keys(row.refused).length; tries += 1) {
          await new Promise((done) => setTimeout(done, 100));
          found = failed((await release.preflight(row.templates)).objects);
        }
        assert.deepEqual(
          found.map(({ part }) => part),
          Object.keys(row.refused),
          JSON.stringify(found, null, 1),
        );
        for (const { part = '', measured, fix } of found) {
          assert.match(asTold(measured), row.refused[part] as RegExp);
          if (row.fix !== undefined) assert.match(fix ?? '', row.fix);
        }
      } finally {
        for (const words of row.back ?? []) await release.kubectl(words);
        if (row.with !== undefined) {
          await release.server.kubectl.run(['delete', '--filename=-', '-n', namespace, '--wait=false'], {
            stdin: row.with,
          });
        }
      }
    });
  }

  it('has changed nothing so far', async () => {
    assert.equal(await everything(), untouched);
  });

  it('adopts what the printed command names', async () => {
    const settings = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: "1" }\n';
    await release.apply(settings);
    const templates = { ...next, settings };
    const { objects } = await release.preflight(templates);
    const command = failed(objects)[0]?.fix ?? '';
    for (const part of command.split(' && ')) await release.kubectl(part.replace(`${sudo.kubectl} `, ''));
    assert.deepEqual(failed((await release.preflight(templates)).objects), []);
    await release.kubectl(`delete configmap settings -n ${namespace}`);
  });

  it('counts a field that is Helm’s by an update as taken, unless the last revision was applied that way', async () => {
    await release.server.kubectl.run(['replace', '--field-manager=helm', '--filename=-', '-n', namespace], {
      stdin: (await release.kubectl(`get deployment backend -n ${namespace} -o json`)).replace(
        '"replicas": 1',
        '"replicas": 2',
      ),
    });
    const { signal } = new AbortController();
    const conflicts = await findFieldConflicts(release.context(next), signal);
    assert.deepEqual(
      conflicts.map(({ object, field, owner }) => [object, field, owner]),
      [['Deployment/backend', '.spec.replicas', 'helm (not by server-side apply)']],
    );
    await release.deploy(first, 'upgrade', ['--server-side=false']);
    assert.deepEqual(await findFieldConflicts(release.context(next), signal), []);
    await release.deploy(next, 'upgrade');
  });

  it('does not count what a halt has set, and counts what somebody has set since', async () => {
    const { signal } = new AbortController();
    const set = (replicas: number, was: string | null) =>
      release.server.kubectl.patch(
        'Deployment',
        'backend',
        { metadata: { annotations: { [haltKey(release.context(next).product)]: was } }, spec: { replicas } },
        { namespace, signal },
      );
    const taken = async () =>
      (await findFieldConflicts(release.context(next), signal)).map(({ field, theirs }) => [
        field,
        asTold(theirs),
      ]);
    await set(0, '1');
    assert.deepEqual(await taken(), []);
    await set(3, '1');
    assert.deepEqual(await taken(), [['.spec.replicas', '3']]);
    await set(0, null);
    assert.deepEqual(await taken(), [['.spec.replicas', '0']]);
    await release.deploy(next, 'upgrade', ['--force-conflicts']);
  });

  it('names an object of Helm’s record whose API is gone, and the printed command fixes the record', async () => {
    const [was, is] = ['policy/v1beta1', 'policy/v1'];
    const budget = (minAvailable: number) =>
      `apiVersion: ${is}\nkind: PodDisruptionBudget\nmetadata: { name: b }\nspec: { ` +
      `minAvailable: ${minAvailable}, selector: { matchLabels: { app: x } } }\n`;
    await release.deploy({ ...next, budget: budget(1) }, 'upgrade');
    const revision = (await release.helm.current())?.revision;
    await release.editRecord((text) => text.replace(`apiVersion: ${is}\\n`, `apiVersion: ${was}\\n`));
    for (const templates of [{ ...next, budget: budget(0) }, next]) {
      const [found, ...others] = failed((await release.preflight(templates)).objects);
      assert.deepEqual(others, []);
      assert.equal(found?.part, 'PodDisruptionBudget/b');
      assert.match(
        asTold(found.measured),
        new RegExp(`^revision ${revision} in Helm's record holds it as ${was}`),
      );
      await assert.rejects(release.deploy(templates, 'upgrade'), /./, 'Helm fails on it');
    }
    // The first of the two keeps the object, under its present version.
    const kept = { ...next, budget: budget(0) };
    await release.shell(failed((await release.preflight(kept)).objects)[0]?.fix ?? '');
    assert.deepEqual(failed((await release.preflight(kept)).objects), []);
    await release.deploy(kept, 'upgrade');
    // Where the chart has dropped it, the record forgets it.
    await release.editRecord((text) => text.replace(`apiVersion: ${is}\\n`, `apiVersion: ${was}\\n`));
    await release.shell(failed((await release.preflight(next)).objects)[0]?.fix ?? '');
    assert.deepEqual(failed((await release.preflight(next)).objects), []);
    await release.deploy(next, 'upgrade');
  });
});
