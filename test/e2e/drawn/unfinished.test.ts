import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/**
 * An upgrade that has not ended: fresh and skipped backups, and what `status` knows when little can be asked.
 */

const kubectl = 'bash /usr/local/lib/lab/node/k3s kubectl';

/**
 * A cluster whose administrator refuses objects of these releases: the chart renders, and Helm fails at once.
 * Deployments are among them, so that no new pod can migrate the database before Helm has rolled back.
 */
const policy = (versions: readonly string[]) => `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: refuse-release }
spec:
  matchConstraints:
    resourceRules:
      - { apiGroups: ['', apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps, deployments] }
  validations:
    - expression: >-
        !has(object.metadata.labels) || !('app.kubernetes.io/version' in object.metadata.labels) ||
        !(object.metadata.labels['app.kubernetes.io/version'] in ${JSON.stringify(versions)})
      message: not in this maintenance window
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: refuse-release }
spec: { policyName: refuse-release, validationActions: [Deny] }
`;

async function refuseReleases(host: TestHost, ...versions: string[]): Promise<void> {
  await host.shell(`${kubectl} apply -f -`, { input: policy(versions) });
  const probe =
    '{apiVersion: v1, kind: ConfigMap, metadata: {name: probe, ' +
    `labels: {app.kubernetes.io/version: "${versions[0]}"}}}`;
  // A policy holds once the API server has read it.
  await host.shell(
    `for i in $(seq 200); do ${kubectl} create --dry-run=server -f - <<< '${probe}' ` +
      "2>&1 | grep -q 'maintenance window' && exit 0; sleep 0.2; done; exit 1",
  );
}

const acceptReleases = (host: TestHost) =>
  host.shell(
    `until ${kubectl} get --raw /readyz >/dev/null 2>&1; do sleep 0.2; done
     ${kubectl} delete validatingadmissionpolicybinding,validatingadmissionpolicy refuse-release; sleep 3`,
  );

/** So that Helm meets the refusal that preflight has found. */
const waived = ['--waive', 'objects=to see what comes of it'];

interface Dump {
  path: string;
  sha256: string;
}

async function dumps(host: TestHost): Promise<{ latest: Dump | undefined; anchor: Dump | undefined }> {
  const { derived, anchors } = await readState(host);
  const anchor = anchors['2026.1']?.derived['pgDump'];
  return { latest: derived['pgDump'] as Dump | undefined, anchor: anchor as Dump | undefined };
}

async function assertWhole(host: TestHost, dump: Dump | undefined): Promise<void> {
  assert.ok(dump, 'there is a dump');
  const { stdout } = await host.shell(`sha256sum ${dump.path}`);
  assert.ok(stdout.startsWith(dump.sha256), `${dump.path} is as it was recorded`);
}

test('an upgrade that failed is started again, without a backup, and with a fresh one', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();

    await chapter(
      'a cluster that refuses the release fails the upgrade; the product continues as it was',
      async () => {
        await refuseReleases(host, '2026.2', '2027.1');
        const asked = await host.ivaap('2026.2', ['install', '--upgrade']);
        await assertExit(host, asked, 3, 'preflight asks the cluster first');
        assert.match(asked.stderr, /not in this maintenance window/);
        const result = await host.ivaap('2026.2', ['install', '--upgrade', ...waived]);
        await assertExit(host, result, 7, 'an upgrade that the cluster refuses');
        assert.match(result.stderr, /not in this maintenance window/, "it gives the administrator's words");
        assert.equal(await host.wells.checksum(), wells);
        const { latest, anchor } = await dumps(host);
        assert.equal(anchor?.path, latest?.path);
        await assertWhole(host, anchor);
      },
    );

    await chapter('--reapply takes a new dump and snapshot next to the anchor', async () => {
      const before = await dumps(host);
      const result = await host.ivaap('2026.2', ['install', '--upgrade', '--reapply', '--yes', ...waived]);
      await assertExit(host, result, 7, 'the same failure after --reapply');
      const after = await dumps(host);
      assert.notEqual(after.latest?.path, before.latest?.path);
      assert.deepEqual(after.anchor, before.anchor);
      await assertWhole(host, after.latest);
      await assertWhole(host, after.anchor);
    });

    await chapter('status works without root and says what it cannot read', async () => {
      const result = await host.ivaap('2026.2', ['status'], {
        under: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
      });
      await assertExit(host, result, 0, 'status without root');
      assert.match(result.stdout, /state not known: only root can read it/);
    });

    await chapter('status works while the cluster is down', async () => {
      await host.shell('touch /run/lab/hold; kill -9 $(cat /run/lab/kube-apiserver.pid)');
      const result = await host.ivaap('2026.2', ['status']);
      await host.shell('rm /run/lab/hold');
      await assertExit(host, result, 0, 'status without a cluster');
      assert.match(result.stdout, /installed: 2026\.1/);
      assert.match(result.stdout, /cluster:\n {2}not known: /);
      await host.untilHealthy();
    });

    await chapter('once the cluster takes it the same binary completes the upgrade', async () => {
      await acceptReleases(host);
      const result = await host.ivaap('2026.2', ['install', '--upgrade']);
      await assertExit(host, result, 0, 'the upgrade that the cluster takes');
      await host.untilHealthy();
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
      await assertWhole(host, (await dumps(host)).anchor);
    });

    await chapter('--skip-backup is remembered by name, and every later failure says it', async () => {
      await refuseReleases(host, '2027.1');
      for (const attempt of ['an upgrade without a backup', 'the same once more']) {
        const result = await host.ivaap('2027.1', ['install', '--upgrade', '--skip-backup', ...waived]);
        await assertExit(host, result, 7, `${attempt}, refused by the cluster`);
        assert.match(result.stderr, /no dump of this upgrade \(--skip-backup by olga/i);
      }
      const { stdout } = await host.ivaap('2027.1', ['status']);
      assert.match(stdout, /no dump of this upgrade: 2026\.2 -> 2027\.1, --skip-backup by olga/);
    });
  });
});
