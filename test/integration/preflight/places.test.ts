import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import type { Measurement } from '../../../src/policy/preflight-report.ts';
import { rowsOfTheCommit } from '../../proofs/rows.ts';
import { namespace, ServedRelease, type Templates } from '../../fixtures/served-release.ts';

/**
 * Whether new pods find a place and what they need, asked of a real API server: each refusal, and its twin
 * that is allowed.
 */

interface Pods {
  container?: string;
  spec?: string;
  templates?: string;
  kind?: 'Deployment' | 'StatefulSet';
}

const workload = ({
  container = '',
  spec = '',
  templates = '',
  kind = 'Deployment',
}: Pods = {}): Templates => ({
  web: `
apiVersion: apps/v1
kind: ${kind}
metadata: { name: web }
spec:
  replicas: 1
  ${kind === 'StatefulSet' ? 'serviceName: web' : ''}
  selector: { matchLabels: { app: web } }
  ${templates === '' ? '' : `volumeClaimTemplates: [${templates}]`}
  template:
    metadata: { labels: { app: web } }
    spec:
      containers: [{ name: web, image: "x/web:2" ${container} }]
      ${spec}
`,
});
const claim = (name: string, more = '') =>
  `{ metadata: { name: ${name} }, spec: { accessModes: ` +
  `[ReadWriteOnce], resources: { requests: { storage: 1Gi } } ${more} ` +
  '} }';
const secret = `apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { a: b }\n`;
const storage =
  'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: ' +
  '{ name: local }\nprovisioner: example.com/none\n';
const reads = { container: ', envFrom: [{ secretRef: { name: key } }]' };
const hook =
  'apiVersion: batch/v1\nkind: Job\nmetadata: { name: move, annotations: { helm.sh/hook: ' +
  'pre-upgrade } }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: a, ' +
  'image: "b:1" }] } } }\n';

interface Row {
  name: string;
  templates: Templates;
  with?: string;
  words?: string[];
  back?: string[];
  /** Part -> what it says. */
  refused: Record<string, RegExp>;
  warned?: true;
}

const tainted = [`taint nodes n1 disk=full:NoSchedule`];
const untainted = [`taint nodes n1 disk:NoSchedule-`];

const rows: readonly Row[] = [
  { name: 'a plain pod', templates: workload(), refused: {} },
  {
    name: 'a cordoned node',
    templates: workload(),
    words: ['cordon n1'],
    back: ['uncordon n1'],
    refused: { n1: /^Deployment\/web: node n1 is cordoned/ },
  },
  {
    name: 'a taint',
    templates: workload(),
    words: tainted,
    back: untainted,
    refused: { n1: /disk=full:NoSchedule of node n1 is not tolerated/ },
  },
  {
    name: 'a tolerated taint',
    templates: workload({ spec: 'tolerations: [{ key: disk, operator: Exists }]' }),
    words: tainted,
    back: untainted,
    refused: {},
  },
  {
    name: 'requests beyond the node, by a limit range’s default',
    templates: workload(),
    with:
      'apiVersion: v1\nkind: LimitRange\nmetadata: { name: usual }\nspec: { limits: [{ ' +
      'type: Container, defaultRequest: { cpu: "3" }, default: { cpu: "4" } }] }\n',
    refused: { n1: /requests 3 cpu, and node n1 has 2 of 2 free/ },
  },
  {
    name: 'a default of a limit range that fits',
    templates: workload(),
    with:
      'apiVersion: v1\nkind: LimitRange\nmetadata: { name: usual }\nspec: { limits: [{ ' +
      'type: Container, defaultRequest: { cpu: "1" }, default: { cpu: "4" } }] }\n',
    refused: {},
  },
  {
    name: 'a job before the upgrade on a cordoned node',
    templates: { hook },
    words: ['cordon n1'],
    back: ['uncordon n1'],
    refused: { n1: /^Job\/move: node n1 is cordoned/ },
  },
  {
    name: 'a secret that nobody has',
    templates: workload(reads),
    refused: { 'Secret/key': /^Deployment\/web: Secret\/key does not exist/ },
  },
  { name: 'a secret that is there', templates: workload(reads), with: secret, refused: {} },
  { name: 'a secret of the chart’s', templates: { ...workload(reads), secret }, refused: {} },
  {
    name: 'a secret that it can do without',
    templates: workload({ container: ', envFrom: [{ secretRef: { name: key, optional: true } }]' }),
    refused: {},
  },
  {
    name: 'a secret that a job may make before',
    templates: { ...workload(reads), hook },
    refused: { 'Secret/key': /does not exist/ },
    warned: true,
  },
  {
    name: 'a config map in a projected volume',
    templates: workload({
      spec: 'volumes: [{ name: v, projected: { sources: [{ configMap: { name: settings } }] } }]',
    }),
    refused: { 'ConfigMap/settings': /does not exist/ },
  },
  {
    name: 'a claim that nobody has',
    templates: workload({ spec: 'volumes: [{ name: v, persistentVolumeClaim: { claimName: data } }]' }),
    refused: { 'PersistentVolumeClaim/data': /does not exist/ },
  },
  {
    name: 'a claim that needs a default class',
    templates: workload({ kind: 'StatefulSet', templates: claim('data') }),
    refused: { 'PersistentVolumeClaim/data-web-0': /none is the default/ },
  },
  {
    name: 'a claim of a class that does not exist',
    templates: workload({ kind: 'StatefulSet', templates: claim('data', ', storageClassName: local') }),
    refused: { 'PersistentVolumeClaim/data-web-0': /there is no StorageClass local/ },
  },
  {
    name: 'a claim of a class that is there',
    templates: workload({ kind: 'StatefulSet', templates: claim('data', ', storageClassName: local') }),
    with: storage,
    refused: {},
  },
  {
    name: 'a claim without a class',
    templates: workload({ kind: 'StatefulSet', templates: claim('data', ', storageClassName: ""') }),
    refused: {},
  },
];

describe('places of new pods on a real API server', () => {
  let release: ServedRelease;
  before(async () => {
    release = await ServedRelease.start();
    await release.deploy(
      { settings: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n' },
      'install',
    );
  });
  after(() => release.server.stop());

  const notOk = async (templates: Templates): Promise<Measurement[]> => {
    const { schedule, references } = await release.preflight(templates);
    return [...schedule, ...references].filter(({ outcome }) => outcome !== 'ok');
  };

  for (const { name, templates, with: more, words = [], back = [], refused, warned } of rowsOfTheCommit(
    rows,
  )) {
    it(`${Object.keys(refused).length === 0 ? 'allows' : 'names'} ${name}`, async () => {
      if (more !== undefined) await release.apply(more);
      for (const one of words) await release.kubectl(one);
      try {
        let found = await notOk(templates);
        // A limit range is in force a moment later.
        for (let tries = 0; tries < 20 && found.length !== Object.keys(refused).length; tries += 1) {
          await new Promise((done) => setTimeout(done, 100));
          found = await notOk(templates);
        }
        assert.deepEqual(
          found.map(({ part }) => part),
          Object.keys(refused),
          JSON.stringify(found),
        );
        for (const { part = '', measured, outcome, fix } of found) {
          assert.match(asTold(measured), refused[part] as RegExp);
          assert.equal(outcome, warned === true ? 'warn' : 'fail');
          assert.ok(fix, 'it says what to try');
        }
      } finally {
        for (const one of back) await release.kubectl(one);
        if (more !== undefined) {
          await release.server.kubectl.run(['delete', '--filename=-', '-n', namespace], { stdin: more });
        }
      }
    });
  }

  it('names a second node that would take a pod, and none that is cordoned', async () => {
    await release.addNode('n2', 'of another kernel');
    const [found] = await notOk(workload());
    assert.match(
      asTold(found?.measured ?? ''),
      /^a new pod of Deployment\/web may be placed on node n2, which has neither/,
    );
    assert.equal(found?.fix, 'k3s kubectl cordon n2');
    await release.kubectl('cordon n2');
    assert.deepEqual(await notOk(workload()), []);
    await release.kubectl('delete node n2');
  });

  it('counts a full quota for the pod next to the old one, and not for one whose old pod stops first', async () => {
    await release.apply(
      'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: most }\nspec: { hard: { pods: "0" } }\n',
    );
    await release.status('resourcequota', 'most', { hard: { pods: '0' }, used: { pods: '0' } });
    const { objects, schedule } = await release.preflight(workload());
    assert.equal(objects[0]?.outcome, 'ok', 'it is told once, with what the rollout needs');
    assert.match(
      asTold(schedule[0]?.measured ?? ''),
      /^Deployment\/web: the quota most allows 0 of pods; 0 are used/,
    );
    await release.kubectl(`delete resourcequota most -n ${namespace}`);
  });
});
