import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { executable } from '../executables.ts';
import { differences, fingerprint } from '../fingerprint.ts';
import { assertExit, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { byShell, filled } from '../refusal-preparations.ts';

/**
 * What cannot end well, on a real node: refused by the dry run and by the run before an old pod stops, and
 * the twin that is allowed.
 */

interface Row {
  name: string;
  prepare: (host: TestHost) => Promise<() => Promise<unknown>>;
  /** What the refusal says; undefined: no blockers. */
  refused?: RegExp;
  hint?: RegExp;
}

const k3s = 'bash /usr/local/lib/lab/node/k3s';
const kubectl = `${k3s} kubectl`;
const applied = (yaml: string, settle = '') =>
  byShell(
    `${kubectl} apply -f - <<'END'\n${yaml}\nEND\n${settle}`,
    `${kubectl} delete --wait -f - <<'END'\n${yaml}\nEND`,
  );

const quota = (pods: number) =>
  applied(
    'apiVersion: v1\nkind: ResourceQuota\nmetadata: { name: most, ' +
      `namespace: ivaap }\nspec: { hard: { pods: "${pods}" } }`,
    `until [ "$(${kubectl} get quota most -n ivaap -o ` +
      `jsonpath='{.status.used.pods}')" = 5 ]; do sleep 0.2; done`,
  );
const freeze = (resource: string) =>
  applied(
    `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: freeze }
spec:
  matchConstraints:
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ivaap } }
    resourceRules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [${resource}] }]
  validations: [{ expression: "false", message: "change freeze until Monday" }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: freeze }
spec: { policyName: freeze, validationActions: [Deny] }`,
    'sleep 3',
  );
const webhook = (failurePolicy: string) =>
  applied(
    `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: dead }
webhooks:
  - name: dead.example.com
    failurePolicy: ${failurePolicy}
    sideEffects: None
    admissionReviewVersions: [v1]
    timeoutSeconds: 2
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ivaap } }
    clientConfig: { service: { name: gone, namespace: ivaap } }
    rules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods] }]`,
    'sleep 2',
  );
/** Another team's pod that asks for all processors but so many thousandths. */
const leaves = (left: string) =>
  byShell(
    `free=$(( $(${kubectl} get node k3s-node -o jsonpath='{.status.allocatable.cpu}') * 1000 - ${left} ))
     image=$(${k3s} ctr images ls -q | grep -m1 library/busybox)
     ${kubectl} apply -f - <<END
apiVersion: v1
kind: Pod
metadata: { name: greedy, namespace: default }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - { name: main, image: $image, imagePullPolicy: IfNotPresent, command: [sleep, '9999'], resources: { requests: { cpu: \${free}m } } }
END
     ${kubectl} wait pod/greedy --for=condition=PodScheduled --timeout=30s`,
    `${kubectl} delete pod greedy --wait`,
  );
const requested =
  `$(${kubectl} get pods -A -o json | jq '[.items[].spec.containers[].resources.requests.cpu ` +
  `// "0" | if endswith("m") then .[:-1] | tonumber else tonumber * 1000 end] | add')`;

const tools = '/opt/ivaap/.installer/tools';
/** No Helm of ours on disk, and a disk that takes none. */
async function noRoomForHelm(host: TestHost): Promise<() => Promise<unknown>> {
  await host.shell(`mv ${tools} /root/tools`);
  const back = await filled('/opt/ivaap', 4)(host);
  return async () => {
    await back();
    await host.shell(`rm -rf ${tools}; mv /root/tools ${tools}`);
  };
}

const rows: readonly Row[] = [
  {
    name: 'a disk that takes not even Helm',
    prepare: noRoomForHelm,
    refused: /no space left on \/opt\/ivaap .*the Helm executable has to be written there/,
    hint: /df -h \/opt\/ivaap/,
  },
  {
    name: 'a folder of backups that is immutable',
    prepare: byShell(
      'mkdir -p -m 700 /opt/ivaap/.installer/backups; chattr +i /opt/ivaap/.installer/backups',
      'chattr -i /opt/ivaap/.installer/backups; rmdir /opt/ivaap/.installer/backups',
    ),
    refused: /state: \/opt\/ivaap\/\.installer\/backups is not writable/,
    hint: /chattr -i \/opt\/ivaap\/\.installer\/backups/,
  },
  {
    name: 'a node that is cordoned',
    prepare: byShell(`${kubectl} cordon k3s-node`, `${kubectl} uncordon k3s-node`),
    refused: /schedule:k3s-node: [^;]*StatefulSet\/postgres[^;]*: node k3s-node is cordoned/,
    hint: /k3s kubectl uncordon k3s-node/,
  },
  {
    name: 'a taint that nothing tolerates',
    prepare: byShell(
      `${kubectl} taint nodes k3s-node disk=full:NoSchedule`,
      `${kubectl} taint nodes k3s-node disk:NoSchedule-`,
    ),
    refused: /schedule:k3s-node: .*the taint disk=full:NoSchedule of node k3s-node is not tolerated/,
    hint: /k3s kubectl taint nodes k3s-node disk:NoSchedule-/,
  },
  {
    name: 'a taint that only asks',
    prepare: byShell(
      `${kubectl} taint nodes k3s-node disk=full:PreferNoSchedule`,
      `${kubectl} taint nodes k3s-node disk:PreferNoSchedule-`,
    ),
  },
  {
    name: 'a quota that is full',
    prepare: quota(5),
    refused: /schedule:most: .*the quota most allows 5 of pods; 5 are used/,
    hint: /k3s kubectl describe resourcequota most -n ivaap/,
  },
  { name: 'a quota with room', prepare: quota(10) },
  {
    name: 'a change freeze',
    prepare: freeze('deployments'),
    refused: /objects:Deployment\/backend: [^;]*change freeze until Monday/,
    hint: /k3s kubectl describe validatingadmissionpolicy freeze/,
  },
  { name: 'a freeze of what the chart has none of', prepare: freeze('cronjobs') },
  {
    name: 'a webhook on pods that is dead',
    prepare: webhook('Fail'),
    refused: /objects:StatefulSet\/postgres: its pods: [^;]*failed calling webhook "dead\.example\.com"/,
    hint: /validatingwebhookconfigurations/,
  },
  { name: 'a dead webhook whose failure is ignored', prepare: webhook('Ignore') },
  {
    name: 'a node whose processors others have asked for',
    prepare: leaves(requested),
    refused: /schedule:k3s-node: .*requests \S+ cpu, and node k3s-node has \S+ of \S+ free/,
    hint: /k3s kubectl describe node k3s-node/,
  },
  { name: 'a node with a little less asked for', prepare: leaves(`( ${requested} * 2 + 200 )`) },
  {
    name: 'a pause image that is gone',
    prepare: byShell(
      `name=$(${k3s} ctr images ls -q | grep -m1 mirrored-pause)
       ${k3s} ctr images export --local /root/pause.tar $name && ${k3s} ctr images rm --sync $name`,
      `${k3s} ctr images import --local /root/pause.tar; rm /root/pause.tar`,
    ),
    refused: /sandbox-image: \S+mirrored-pause:\S+ is not in containerd/,
    hint: /k3s ctr images import/,
  },
];

async function tried(host: TestHost, { name, prepare, refused, hint }: Row): Promise<void> {
  const back = await prepare(host);
  try {
    const was = await fingerprint(host);
    const startedAt = performance.now();
    const dry = await host.ivaap('2026.2', ['install', '--upgrade', '--dry-run']);
    const exit = refused === undefined ? 0 : 3;
    await assertExit(host, dry, exit, `dry run: ${name}`);
    const flags = refused === undefined ? ['--preflight-only'] : [];
    const run = await host.ivaap('2026.2', ['install', '--upgrade', ...flags]);
    await assertExit(host, run, exit, name);
    if (refused !== undefined) {
      assert.match(dry.stdout + dry.stderr, refused);
      assert.match(run.stderr, refused);
      if (hint !== undefined) assert.match(run.stderr.slice(run.stderr.search(/^try: /m)), hint);
      assert.ok(performance.now() - startedAt < 120_000, 'within seconds');
    }
    assert.equal(differences(was, await fingerprint(host)), '', 'nothing has changed');
  } finally {
    await back();
    await host.untilHealthy();
  }
}

test('what cannot end well is refused before an old pod stops', async (t) => {
  before(() => executable('2026.2'));
  await withHost('installed-2026.1', 15, async (host) => {
    for (const row of rows) {
      await t.test(`${row.refused === undefined ? 'allowed' : 'refused'}: ${row.name}`, () =>
        tried(host, row),
      );
    }
  });
});
