import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redactor } from '../../../src/engine/redact.ts';
import { describeError, IvaapError } from '../../../src/errors.ts';
import { describeHolder } from '../../../src/host/database-sessions.ts';
import { describePods, type Pod } from '../../../src/host/pods.ts';
import { repels } from '../../../src/policy/node-fit.ts';
import { assertPassed, judge } from '../../../src/policy/preflight-report.ts';
import { podNeeds } from '../../../src/policy/pod-needs.ts';
import { helmProcess } from '../../../src/checks/helm-process.ts';
import type { NodeObject } from '../../../src/release/cluster-objects.ts';
import { nodeReady } from '../../../src/checks/node-ready.ts';
import { pods } from '../../../src/checks/pods.ts';
import type { UpgradeContext } from '../../../src/release/context.ts';
import { assertNoFieldConflicts } from '../../../src/release/field-conflicts.ts';
import { previewRelease } from '../../../src/release/release-preview.ts';
import { causeLines } from '../../../src/release/trouble-text.ts';
import { troublesOf } from '../../../src/release/troubles.ts';
import { readAsHelm } from '../../../src/release/values-yaml.ts';
import { measured } from '../../fixtures/measured.ts';
import { backend, pod, view } from '../../fixtures/namespace-view.ts';

/**
 * Each place where a text of ours quotes what the cluster, a program or a file says: the secret goes, our own
 * words stay.
 */

const now = new Date('2026-11-22T12:01:00Z');
const { signal } = new AbortController();

const manifest = (value: unknown) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'backend', annotations: { note: value } },
  spec: { replicas: value },
});

/** An upgrade whose chart says something else than what lives, and that somebody else owns. */
const upgrade = (value: unknown) =>
  ({
    product: {
      namespace: 'ivaap',
      release: 'ivaap',
      values: { secrets: [] },
      database: {},
      workloads: [],
    },
    release: { schema: { min: 1, target: 1 } },
    values: { path: '/opt/ivaap/ivaap.values.yaml', root: {} },
    forceConflicts: false,
    hide: () => {},
    again: () => './ivaap install --upgrade --force-conflicts',
    database: { schemaVersion: async () => 1 },
    helm: { appliedOnServer: async () => true, values: async () => '{}' },
    kubectl: { list: async () => [] },
    rendered: async () => [],
    answers: async () => {
      const [ours, live] = [manifest('other'), manifest(value)];
      const conflicts = [{ owner: 'kubectl', field: '.spec.replicas' }];
      return {
        objects: [{ manifest: ours, live, next: ours, conflicts }],
        deployed: { revision: 1, lastRevision: 1, objects: [ours], unserved: [ours], live: () => live },
      };
    },
  }) as unknown as UpgradeContext;

async function thrown(ask: () => unknown): Promise<unknown> {
  try {
    await ask();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}

const crashing = (words: string): Pod =>
  pod('backend-1', backend.owner, { state: { waiting: { reason: 'CreateContainerError', message: words } } });

const places: Record<string, (word: string) => unknown> = {
  'a conflict of fields': async (word) => {
    const error = await thrown(() => assertNoFieldConflicts(upgrade(word), signal));
    return (error as Error).message;
  },
  'a preview in words': async (word) => (await previewRelease(upgrade(word), signal)).details,
  'a preview as data': async (word) => (await previewRelease(upgrade(word), signal)).data,
  'a number in a preview': async (word) => (await previewRelease(upgrade(Number(word) || word), signal)).data,
  'a condition of a node': (word) =>
    measured(
      nodeReady,
      {},
      {
        cluster: async () => ({
          nodes: [
            {
              metadata: { name: 'n1' },
              status: { conditions: [{ type: 'Ready', status: 'False', message: `pw ${word}` }] },
            } as NodeObject,
          ],
        }),
      },
    ),
  'a taint': (word) =>
    repels(
      {
        name: 'n1',
        labels: {},
        taints: [{ key: 'k', value: word, effect: 'NoSchedule' }],
        unschedulable: false,
      },
      podNeeds({ metadata: {}, spec: {} }, ''),
    )?.why,
  'a Helm of others': (word) =>
    measured(helmProcess, {
      product: { release: 'tiny', namespace: 'tiny' },
      helmJournal: () => ({}),
      listProcesses: () => [
        { pid: 7, startTime: 1, argv: ['helm', `--kube-token=${word}`, 'upgrade', 'tiny'] },
      ],
    }),
  'a session of the database': (word) =>
    describeHolder({
      pid: 7,
      user: word,
      application: word,
      since: null,
      seconds: null,
      state: null,
      tables: [word],
    }),
  'the words of a kubelet': (word) =>
    causeLines(
      troublesOf(
        view({ pods: [crashing(`env "${word}"`)], controllers: [backend.deployment(), backend.replicaSet] }),
        { now, since: undefined, release: { release: 'tiny', namespace: 'tiny' } },
      ),
      () => [],
    ),
  'a tail of a log': (word) =>
    causeLines(
      troublesOf(view({ pods: [crashing('x')], controllers: [backend.deployment(), backend.replicaSet] }), {
        now,
        since: undefined,
        release: { release: 'tiny', namespace: 'tiny' },
      }),
      () => [`login with ${word} refused`, Buffer.from(word).toString('base64')],
    ),
  'pods that are described': (word) =>
    describePods({ list: async () => [crashing(`pw=${word}`)], logs: async () => `pw ${word}\n` } as never, {
      namespace: 'n',
    }),
  'an error that is quoted': (word) =>
    describePods(
      { list: () => Promise.reject(new Error(`token ${word} is not valid`)), logs: async () => '' } as never,
      { namespace: 'n' },
    ),
  'a program’s words in a preflight': async (word) => {
    const result = judge(
      pods,
      { outcome: 'fail', measured: 'x', limit: 'y', output: `said ${word}` },
      { tolerant: false, waivers: [] },
    );
    return describeError(await thrown(() => assertPassed({ results: [result] }, [])));
  },
  'a values file that cannot be read': (word) => readAsHelm(`a: 1\nb: !<${word}> 2\n`),
};

/** Words that are a secret and no word of the text around it: what is ours has them nowhere else. */
const words = ['zebra', '2031', '87654321', 'wahr'];

for (const [place, make] of Object.entries(places)) {
  test(`a secret like an ordinary word is hidden in ${place}, and nothing else is`, async () => {
    for (const word of words) {
      const open = JSON.stringify(new Redactor().value({ told: await make(word) }));
      const redactor = new Redactor();
      redactor.add(word);
      const told = JSON.stringify(redactor.value({ told: await make(word) }));
      const forms = new RegExp(`"?\\b(${word}|${Buffer.from(word).toString('base64')})(?![\\w])=*"?`);
      assert.match(open, forms, 'it says the word where that is no secret');
      assert.doesNotMatch(told, forms);
      const plain = (text: string) =>
        text
          .replaceAll(word, '*')
          .replaceAll(Buffer.from(word).toString('base64'), '*')
          .replaceAll('[redacted]', '*');
      assert.equal(plain(told).replaceAll('"*"', '*'), plain(open).replaceAll('"*"', '*'));
    }
  });
}

test('secrets that equal our own words leave our own text readable in every message', async () => {
  const redactor = new Redactor();
  for (const word of ['ivaap', 'fail', '2026', 'true', '12345678', 'field', 'chart', 'kubectl', 'process'])
    redactor.add(word);
  const error = redactor.error(await thrown(() => assertNoFieldConflicts(upgrade('ivaap'), signal)));
  assert.ok(error instanceof IvaapError);
  assert.equal(
    error.message,
    'one field has been taken over from Helm by somebody else, and the upgrade would fail on it: ' +
      'Deployment/backend .spec.replicas: "[redacted]" by [redacted], "other" in the chart',
  );
  assert.match(error.hint ?? '', /\.\/ivaap install --upgrade --force-conflicts/);
  assert.match(error.hint ?? '', /\/opt\/ivaap\/ivaap\.values\.yaml/);
});
