import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { IvaapError } from '../../../src/errors.ts';
import type { Measurement } from '../../../src/policy/preflight-report.ts';
import { rowsOfTheCommit } from '../../proofs/rows.ts';
import { namespace, ServedRelease, type Templates } from '../../fixtures/served-release.ts';

/**
 * What controllers and Helm make next to the chart's objects, and whether quotas have room for all of it:
 * each refusal, and its twin.
 */

interface Workload {
  image?: string;
  kind?: 'Deployment' | 'StatefulSet';
  more?: string;
}

const workload = (name: string, { image = '1', kind = 'Deployment', more = '' }: Workload = {}) => `
apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name} }
spec:
  replicas: 1
  ${kind === 'StatefulSet' ? `serviceName: ${name}` : ''}
  ${more}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: ${name}, image: "x/${name}:${image}" }] }
`;
const replicaSet = (deployment: string, image: string) => `
apiVersion: apps/v1
kind: ReplicaSet
metadata:
  name: ${deployment}-${image}
  labels: { app: ${deployment}, pod-template-hash: h${image} }
  ownerReferences: [{ apiVersion: apps/v1, kind: Deployment, name: ${deployment}, uid: u, controller: true }]
spec:
  replicas: 0
  selector: { matchLabels: { app: ${deployment}, pod-template-hash: h${image} } }
  template:
    metadata: { labels: { app: ${deployment}, pod-template-hash: h${image} } }
    spec: { containers: [{ name: ${deployment}, image: "x/${deployment}:${image}" }] }
`;
const policy = (resources: string, expression: string, operations = 'CREATE, UPDATE') => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: freeze }
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ${namespace} } }
    resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: [${operations}], resources: [${resources}] }]
  validations: [{ expression: ${JSON.stringify(expression)}, message: no more of them }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: freeze }
spec: { policyName: freeze, validationActions: [Deny] }
`;
const simple = (kind: string, name: string, more = '') =>
  `apiVersion: v1\nkind: ${kind}\nmetadata: { name: ${name} }\n${more}`;
const nodePort = (name: string, port: number) =>
  simple('Service', name, `spec: { type: NodePort, ports: [{ port: 80, nodePort: ${port} }] }\n`);
const budget = (name: string) =>
  `apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: { name: ${name} ` +
  '}\nspec: { minAvailable: 0, selector: { matchLabels: { app: x } } }\n';

const first: Templates = {
  backend: workload('backend'),
  admin: workload('admin'),
  db: workload('db', { kind: 'StatefulSet' }),
  settings: simple('ConfigMap', 'settings'),
};
const next: Templates = { ...first, backend: workload('backend', { image: '2' }) };
const both: Templates = { ...next, admin: workload('admin', { image: '2' }) };
const nextDb: Templates = { ...first, db: workload('db', { kind: 'StatefulSet', image: '2' }) };
const secret = simple('Secret', 'mail');

interface Row {
  name: string;
  templates: Templates;
  with?: string;
  /** Of what, hard, used. */
  quota?: [string, number, number];
  /** Part -> what it says. */
  refused: Record<string, RegExp>;
  fix?: RegExp;
}

const record = 'Secret/sh.helm.release.v1.wells.v2';
/** All but those of this file: it makes some while the policy of a row before is still in force. */
const others = 'object.metadata.name.matches("-[0-9]$")';
const asController =
  'request.userInfo.username == "system:serviceaccount:kube-system:deployment-controller" && ' +
  'has(object.metadata.ownerReferences) && "pod-template-hash" in object.metadata.labels';

const rows: readonly Row[] = [
  {
    name: 'a policy on ReplicaSets alone',
    templates: next,
    with: policy('replicasets', others),
    refused: { 'Deployment/backend': /^its ReplicaSet: .*no more of them/ },
    fix: /^k3s kubectl describe validatingadmissionpolicy freeze$/,
  },
  {
    name: 'a policy on ReplicaSets where none is made anew',
    templates: { ...first, settings: simple('ConfigMap', 'settings', 'data: { a: b }\n') },
    with: policy('replicasets', others),
    refused: {},
  },
  {
    name: 'a policy that keeps people, not controllers, from making ReplicaSets',
    templates: next,
    with: policy('replicasets', asController),
    refused: {},
  },
  {
    name: 'a policy on new ReplicaSets where one of an earlier run is there',
    templates: next,
    with: `${replicaSet('backend', '2')}---\n${policy('replicasets', others, 'CREATE')}`,
    refused: {},
  },
  {
    name: 'a policy on new ReplicaSets where one of another release is there',
    templates: next,
    with: `${replicaSet('backend', '3')}---\n${policy('replicasets', others)}`,
    refused: { 'Deployment/backend': /^its ReplicaSet: .*no more of them/ },
  },
  {
    name: 'a policy on revisions of a StatefulSet',
    templates: nextDb,
    with: policy('controllerrevisions', 'false'),
    refused: { 'StatefulSet/db': /^its ControllerRevision: .*no more of them/ },
  },
  {
    name: 'a policy on revisions where only a Deployment changes',
    templates: next,
    with: policy('controllerrevisions', 'false'),
    refused: {},
  },
  {
    name: 'a full quota of Secrets, for Helm’s own record',
    templates: next,
    quota: ['secrets', 3, 3],
    refused: { [record]: /^Helm's own record of the upgrade: .*exceeded quota: most, requested: secrets=1/ },
    fix: /^k3s kubectl describe resourcequota most -n wells$/,
  },
  {
    name: 'a full quota of counted Secrets',
    templates: next,
    quota: ['count/secrets', 3, 3],
    refused: { [record]: /exceeded quota: most, requested: count\/secrets=1/ },
  },
  { name: 'a quota of Secrets with room for one', templates: next, quota: ['secrets', 4, 3], refused: {} },
  {
    name: 'a quota with room for one Secret, where the chart brings another',
    templates: { ...next, secret },
    quota: ['count/secrets', 4, 3],
    refused: {
      most: /^the quota most allows 4 of count\/secrets, 3 are used, and the upgrade creates 2: Secret\/mail, Secret\/sh\.helm/,
    },
    fix: /^k3s kubectl describe resourcequota most -n wells$/,
  },
  {
    name: 'a quota with room for two Secrets, where the chart brings another',
    templates: { ...next, secret },
    quota: ['secrets', 5, 3],
    refused: {},
  },
  {
    name: 'a full quota of ReplicaSets',
    templates: next,
    quota: ['count/replicasets.apps', 2, 2],
    refused: {
      most: /allows 2 of count\/replicasets\.apps, 2 are used, and the upgrade creates 1: ReplicaSet of Deployment\/backend$/,
    },
    fix: /^k3s kubectl describe resourcequota most -n wells$/,
  },
  {
    name: 'a quota with room for one ReplicaSet',
    templates: next,
    quota: ['count/replicasets.apps', 3, 2],
    refused: {},
  },
  {
    name: 'a quota with room for one ReplicaSet of two',
    templates: both,
    quota: ['count/replicasets.apps', 3, 2],
    refused: { most: /the upgrade creates 2: ReplicaSet of Deployment\/admin, ReplicaSet of Deployment\/b/ },
  },
  {
    name: 'a quota with room for one ReplicaSet of two, where each gives its old one back',
    templates: {
      ...first,
      backend: workload('backend', { image: '2', more: 'revisionHistoryLimit: 0' }),
      admin: workload('admin', { image: '2', more: 'revisionHistoryLimit: 0' }),
    },
    with: `${replicaSet('backend', '1')}---\n${replicaSet('admin', '1')}`,
    quota: ['count/replicasets.apps', 3, 2],
    refused: {},
  },
  {
    name: 'a full quota of ReplicaSets where a Deployment leaves the chart',
    templates: { backend: next['backend'] ?? '', settings: first['settings'] ?? '', db: first['db'] ?? '' },
    with: replicaSet('admin', '1'),
    quota: ['count/replicasets.apps', 2, 2],
    refused: {},
  },
  {
    name: 'a full quota of ReplicaSets where the one of an earlier run is there',
    templates: next,
    with: replicaSet('backend', '2'),
    quota: ['count/replicasets.apps', 2, 2],
    refused: {},
  },
  {
    name: 'a full quota of revisions',
    templates: nextDb,
    quota: ['count/controllerrevisions.apps', 1, 1],
    refused: { most: /the upgrade creates 1: ControllerRevision of StatefulSet\/db/ },
  },
  {
    name: 'a full quota of revisions where only a Deployment changes',
    templates: next,
    quota: ['count/controllerrevisions.apps', 1, 1],
    refused: {},
  },
  {
    name: 'a full quota of Deployments, none of them new',
    templates: next,
    quota: ['count/deployments.apps', 2, 2],
    refused: {},
  },
  {
    name: 'a full quota of Deployments and a new one',
    templates: { ...next, side: workload('side') },
    quota: ['count/deployments.apps', 2, 2],
    refused: { 'Deployment/side': /exceeded quota: most, requested: count\/deployments\.apps=1/ },
  },
  {
    name: 'a quota with room for one Deployment of two',
    templates: { ...next, side: workload('side'), web: workload('web') },
    quota: ['count/deployments.apps', 3, 2],
    refused: { most: /the upgrade creates 2: Deployment\/side, Deployment\/web$/ },
  },
  {
    name: 'a full quota of config maps, one of them changed',
    templates: { ...next, settings: simple('ConfigMap', 'settings', 'data: { a: b }\n') },
    quota: ['configmaps', 1, 1],
    refused: {},
  },
  {
    name: 'a quota with room for one config map of two',
    templates: { ...next, a: simple('ConfigMap', 'a'), b: simple('ConfigMap', 'b') },
    quota: ['count/configmaps', 2, 1],
    refused: { most: /the upgrade creates 2: ConfigMap\/a, ConfigMap\/b$/ },
  },
  {
    name: 'a full quota of config maps where one takes another’s place',
    templates: { ...next, settings: simple('ConfigMap', 'other') },
    quota: ['configmaps', 1, 1],
    refused: { 'ConfigMap/other': /exceeded quota/ },
  },
  {
    name: 'a quota with room for one node port of two',
    templates: { ...next, a: nodePort('a', 30090), b: nodePort('b', 30091) },
    quota: ['services.nodeports', 1, 0],
    refused: { most: /allows 1 of services\.nodeports, 0 are used, and the upgrade creates 2: Service\/a, / },
  },
  {
    name: 'a quota with room for two node ports',
    templates: { ...next, a: nodePort('a', 30090), b: nodePort('b', 30091) },
    quota: ['services.nodeports', 2, 0],
    refused: {},
  },
  {
    name: 'a quota with room for one budget of two, by the plural of its kind',
    templates: { ...next, a: budget('a'), b: budget('b') },
    quota: ['count/poddisruptionbudgets.policy', 1, 0],
    refused: { most: /the upgrade creates 2: PodDisruptionBudget\/a, PodDisruptionBudget\/b/ },
  },
];

const quotaText = (name: string, hard: object) =>
  'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: ' +
  `${name} }\nspec: { hard: ${JSON.stringify(hard)} }\n`;
const failed = (found: readonly Measurement[]) => found.filter(({ outcome }) => outcome === 'fail');

/** A policy of the row before takes a moment to be out of force. */
async function applied(release: ServedRelease, text: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await release.apply(text);
    } catch (error) {
      if (tries === 20 || !/denied request/.test((error as IvaapError).output ?? '')) throw error;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

describe('what is made next to the chart, on a real API server', () => {
  let release: ServedRelease;
  before(async () => {
    release = await ServedRelease.start();
    // An API server that has seen no quota in a namespace asks for them itself, and remembers for half a
    // minute.
    await release.apply(quotaText('usual', { 'count/leases.coordination.k8s.io': '100' }));
    await release.status('resourcequota', 'usual', {
      hard: { 'count/leases.coordination.k8s.io': '100' },
      used: { 'count/leases.coordination.k8s.io': '0' },
    });
    await release.deploy(first, 'install');
    await release.status('deployment', 'backend', { replicas: 1 });
    await release.status('deployment', 'admin', { replicas: 1 });
    await release.status('statefulset', 'db', { replicas: 1 });
  });
  after(() => release.server.stop());

  for (const { name, templates, with: more, quota, refused, fix } of rowsOfTheCommit(rows)) {
    it(`${Object.keys(refused).length === 0 ? 'allows' : 'refuses'} ${name}`, async () => {
      if (more !== undefined) await applied(release, more);
      if (quota !== undefined) {
        const [of, hard, used] = quota;
        await release.apply(quotaText('most', { [of]: String(hard) }));
        await release.status('resourcequota', 'most', {
          hard: { [of]: String(hard) },
          used: { [of]: String(used) },
        });
      }
      try {
        const parts = Object.keys(refused);
        let found = failed((await release.preflight(templates)).objects);
        // A policy or a quota takes a moment to be in force, and to be out of it.
        for (let tries = 0; tries < 20 && found.map(({ part }) => part).join() !== parts.join(); tries += 1) {
          await new Promise((done) => setTimeout(done, 100));
          found = failed((await release.preflight(templates)).objects);
        }
        assert.deepEqual(
          found.map(({ part }) => part),
          parts,
          JSON.stringify(found, null, 1),
        );
        for (const one of found) {
          assert.match(one.measured, refused[one.part ?? ''] as RegExp);
          if (fix !== undefined) assert.match(one.fix ?? '', fix);
        }
      } finally {
        const text = [more, quota && quotaText('most', {})].filter(Boolean).join('---\n');
        if (text !== '') {
          await release.server.kubectl.run(['delete', '--filename=-', '-n', namespace], { stdin: text });
        }
      }
    });
  }
});
