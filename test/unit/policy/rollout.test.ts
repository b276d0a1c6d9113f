import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import type { Taint } from '../../../src/policy/node-fit.ts';
import { podNeeds, type PodNeeds, type PodSpec } from '../../../src/policy/pod-needs.ts';
import { amount, quantity } from '../../../src/policy/quantity.ts';
import { quotaOf } from '../../../src/policy/quota-use.ts';
import { type Place, simulateRollouts, type Rollout } from '../../../src/policy/rollout.ts';

/** Whether a rollout can go to its end: what refuses it, and its twin that goes. */

interface Asked extends PodSpec {
  cpu?: string;
  memory?: string;
  labels?: Record<string, string>;
}

function pod({ cpu, memory, labels = { app: 'a' }, ...spec }: Asked = {}, running = false): PodNeeds {
  const requests = { ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  const containers = [{ name: 'main', ...spec.containers?.[0], resources: { requests } }];
  const placed = { ...spec, containers, ...(running ? { nodeName: 'n1' } : {}) };
  return podNeeds({ metadata: { namespace: 'wells', labels }, spec: placed }, 'wells');
}

/** A Deployment of one pod that is replaced as Kubernetes does where nothing else is said. */
function rolling(asked: Asked = {}, more: Partial<Rollout> = {}): Rollout {
  return {
    workload: 'Deployment/a',
    next: pod(asked),
    replicas: 1,
    surge: 1,
    unavailable: 0,
    old: [pod(asked, true)],
    ...more,
  };
}
const stopsFirst = (asked: Asked = {}): Rollout =>
  rolling(asked, { workload: 'StatefulSet/db', surge: 0, unavailable: 1 });

interface Host {
  cpu?: string;
  taints?: Taint[];
  unschedulable?: boolean;
  labels?: Record<string, string>;
  others?: PodNeeds[];
  quota?: { hard: object; used: object; scopes?: string[] };
}

function place({
  cpu = '2',
  taints = [],
  unschedulable = false,
  labels = {},
  others = [],
  quota,
}: Host = {}): Place {
  const allocatable = { cpu: quantity(cpu), memory: quantity('4Gi'), pods: 6 };
  const one = quota && {
    metadata: { name: 'most', namespace: 'wells' },
    spec: { hard: quota.hard as Record<string, unknown>, scopes: quota.scopes ?? [] },
    status: { used: quota.used as Record<string, unknown> },
  };
  return {
    node: { name: 'n1', labels, taints, unschedulable, allocatable },
    others,
    quotas: one === undefined ? [] : [quotaOf(one)],
  };
}

const full: Taint = { key: 'disk', value: 'full', effect: 'NoSchedule' };
const antiAffinity = (app: string, ...matchLabelKeys: string[]) => ({
  podAntiAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { labelSelector: { matchLabels: { app } }, matchLabelKeys },
    ],
  },
});
const nodeAffinity = (operator: string, ...values: string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator, values }] }],
    },
  },
});
const ports = (hostPort: number) => ({ containers: [{ ports: [{ containerPort: 80, hostPort }] }] });

const rows: { name: string; rollouts: Rollout[]; host: Host; refused?: RegExp; fix?: RegExp }[] = [
  { name: 'room for all', rollouts: [rolling({ cpu: '500m' })], host: {} },
  {
    name: 'a cordoned node',
    rollouts: [rolling()],
    host: { unschedulable: true },
    refused: /^node n1 is cordoned/,
    fix: /^k3s kubectl uncordon n1$/,
  },
  { name: 'a cordoned node where no pod is made anew', rollouts: [], host: { unschedulable: true } },
  {
    name: 'a cordoned node that the pod tolerates',
    rollouts: [rolling({ tolerations: [{ operator: 'Exists' }] })],
    host: { unschedulable: true },
  },
  {
    name: 'a taint',
    rollouts: [rolling()],
    host: { taints: [full] },
    refused: /the taint disk=full:NoSchedule of node n1/,
    fix: /^k3s kubectl taint nodes n1 disk:NoSchedule-$/,
  },
  {
    name: 'a tolerated taint',
    rollouts: [rolling({ tolerations: [{ key: 'disk', value: 'full' }] })],
    host: { taints: [full] },
  },
  {
    name: 'a taint of which another value is tolerated',
    rollouts: [rolling({ tolerations: [{ key: 'disk', value: 'half' }] })],
    host: { taints: [full] },
    refused: /not tolerated/,
  },
  {
    name: 'a taint that only prefers',
    rollouts: [rolling()],
    host: { taints: [{ ...full, effect: 'PreferNoSchedule' }] },
  },
  {
    name: 'a label that is selected and missing',
    rollouts: [rolling({ nodeSelector: { disk: 'ssd' } })],
    host: { labels: { disk: 'hdd' } },
    refused: /lacks the label disk=ssd/,
  },
  {
    name: 'a label that is selected and there',
    rollouts: [rolling({ nodeSelector: { disk: 'ssd' } })],
    host: { labels: { disk: 'ssd' } },
  },
  {
    name: 'another zone',
    rollouts: [rolling({ affinity: nodeAffinity('In', 'a', 'b') })],
    host: { labels: { zone: 'c' } },
    refused: /node affinity/,
  },
  {
    name: 'one of the zones',
    rollouts: [rolling({ affinity: nodeAffinity('In', 'a', 'b') })],
    host: { labels: { zone: 'b' } },
  },
  {
    name: 'requests beyond what is free beside the old pod',
    rollouts: [rolling({ cpu: '1200m' })],
    host: {},
    refused: /requests 1\.2 cpu, and node n1 has 800m of 2 free/,
    fix: /^k3s kubectl describe node n1$/,
  },
  {
    name: 'the same requests where the old pod stops first',
    rollouts: [stopsFirst({ cpu: '1200m' })],
    host: {},
  },
  {
    name: 'the same requests where one may be missing',
    rollouts: [rolling({ cpu: '1200m' }, { unavailable: 1 })],
    host: {},
  },
  {
    name: 'what others have asked for',
    rollouts: [stopsFirst({ cpu: '1200m' })],
    host: { others: [pod({ cpu: '1' }, true)] },
    refused: /1\.2 cpu/,
  },
  {
    name: 'what others have asked for that matter less',
    rollouts: [stopsFirst({ cpu: '1200m', priority: 1000 })],
    host: { others: [pod({ cpu: '1' }, true)] },
  },
  {
    name: 'what others have asked for that matter less, and that are left alone',
    rollouts: [stopsFirst({ cpu: '1200m', priority: 1000, preemptionPolicy: 'Never' })],
    host: { others: [pod({ cpu: '1' }, true)] },
    refused: /1\.2 cpu/,
  },
  {
    name: 'a taint that Kubernetes sets itself',
    rollouts: [rolling()],
    host: { taints: [{ key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' }] },
    refused: /disk-pressure:NoSchedule of node n1/,
    fix: /^k3s kubectl describe node n1$/,
  },
  {
    name: 'a new pod in the place of the database',
    rollouts: [rolling({ cpu: '800m' }), stopsFirst({ cpu: '800m' })],
    host: {},
    refused: /800m cpu.*, once new pods of Deployment\/a run next to the old ones/,
  },
  {
    name: 'room for a new pod and the database',
    rollouts: [rolling({ cpu: '600m' }), stopsFirst({ cpu: '800m' })],
    host: {},
  },
  {
    name: 'rollouts that make room for each other',
    rollouts: [rolling({ cpu: '800m' }), rolling({ cpu: '400m' }, { workload: 'Deployment/b' })],
    host: { cpu: '2' },
  },
  {
    name: 'a quota that is full',
    rollouts: [rolling()],
    host: { quota: { hard: { pods: '5' }, used: { pods: '5' } } },
    refused: /^the quota most allows 5 of pods; 5 are used, and one more pod needs 1/,
    fix: /^k3s kubectl describe resourcequota most -n wells$/,
  },
  {
    name: 'a quota with room for one more',
    rollouts: [rolling()],
    host: { quota: { hard: { pods: '6' }, used: { pods: '5' } } },
  },
  {
    name: 'a full quota where the old pod stops first',
    rollouts: [stopsFirst()],
    host: { quota: { hard: { pods: '5' }, used: { pods: '5' } } },
  },
  {
    name: 'a quota whose last place a new pod takes from the database',
    rollouts: [rolling(), stopsFirst()],
    host: { quota: { hard: { pods: '5' }, used: { pods: '5' } } },
    refused: /^the quota most allows 5 of pods/,
  },
  {
    name: 'a quota of requests',
    rollouts: [rolling({ memory: '1Gi' })],
    host: { quota: { hard: { 'requests.memory': '3Gi' }, used: { 'requests.memory': '2560Mi' } } },
    refused: /allows 3Gi of requests\.memory; 2\.5Gi are used, and one more pod needs 1Gi/,
  },
  {
    name: 'a full quota of pods that ask for nothing',
    rollouts: [rolling({ cpu: '100m' })],
    host: { quota: { hard: { pods: '5' }, used: { pods: '5' }, scopes: ['BestEffort'] } },
  },
  {
    name: 'more pods than the node takes',
    rollouts: [rolling()],
    host: { others: Array.from({ length: 5 }, () => pod({}, true)) },
    refused: /requests 1 pods, and node n1 has 0 of 6 free/,
  },
  {
    name: 'a port of the host that the old pod has',
    rollouts: [rolling(ports(8080))],
    host: {},
    refused: /port TCP 8080 of node n1 is used/,
  },
  { name: 'a port of the host where the old pod stops first', rollouts: [stopsFirst(ports(8080))], host: {} },
  {
    name: 'a pod that must not run beside its like',
    rollouts: [rolling({ affinity: antiAffinity('a') })],
    host: {},
    refused: /podAntiAffinity/,
  },
  {
    name: 'a pod that must not run beside its like, where the old one stops first',
    rollouts: [rolling({ affinity: antiAffinity('a') }, { surge: 0, unavailable: 1 })],
    host: {},
  },
  {
    name: 'two pods that must not run beside their like, where the old ones stop first',
    rollouts: [rolling({ affinity: antiAffinity('a') }, { surge: 0, unavailable: 2, replicas: 2, old: [] })],
    host: {},
    refused: /podAntiAffinity/,
  },
  {
    name: 'a pod that must not run beside its like of the same ReplicaSet',
    rollouts: [
      rolling(
        { affinity: antiAffinity('a', 'pod-template-hash') },
        { old: [pod({ labels: { app: 'a', 'pod-template-hash': 'old' } }, true)] },
      ),
    ],
    host: {},
  },
  {
    name: 'two pods that must not run beside their like of the same ReplicaSet',
    rollouts: [rolling({ affinity: antiAffinity('a', 'pod-template-hash') }, { replicas: 2, old: [] })],
    host: {},
    refused: /podAntiAffinity/,
  },
  {
    name: 'a pod that must not run beside others',
    rollouts: [rolling({ affinity: antiAffinity('b') })],
    host: {},
  },
];

for (const { name, rollouts, host, refused, fix } of rows) {
  test(`${refused === undefined ? 'goes to its end' : 'cannot end'}: ${name}`, () => {
    const found = simulateRollouts(rollouts, place(host));
    if (refused === undefined) assert.deepEqual(found, []);
    else assert.match(asTold(found[0]?.why ?? 'nothing refused'), refused);
    if (fix !== undefined) assert.match(found[0]?.fix ?? '', fix);
  });
}

test('quantities are read as Kubernetes writes them', () => {
  const read = ['250m', '2', '1.5', '1Gi', '1500Mi', '1e3', '2E', '1u', '0.5Ki', 3].map(quantity);
  assert.deepEqual(read, [0.25, 2, 1.5, 2 ** 30, 1500 * 2 ** 20, 1000, 2e18, 1e-6, 512, 3]);
  for (const none of ['', 'a', '1GiB', '1 Gi', undefined])
    assert.ok(Number.isNaN(quantity(none)), String(none));
  assert.deepEqual(
    [amount('cpu', 0.25), amount('requests.memory', 2 ** 30), amount('pods', 5)],
    ['250m', '1Gi', '5'],
  );
});

test('init containers count where they ask for more, sidecars in addition to the rest', () => {
  const asks = (cpu: string) => ({ resources: { requests: { cpu } } });
  const needs = podNeeds(
    {
      metadata: {},
      spec: {
        initContainers: [{ ...asks('1'), restartPolicy: 'Always' }, asks('3')],
        containers: [asks('1'), { resources: { limits: { cpu: '500m' } } }],
      },
    },
    'wells',
  );
  assert.equal(needs.requests['cpu'], 4);
  assert.equal(needs.limits['cpu'], 0.5);
});
