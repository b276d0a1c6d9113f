import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from '../harness.ts';
import {
  assertEndsWell,
  assertOldReleaseRuns,
  causesOf,
  count,
  kubectl,
  namedCommand,
  podsAccepted,
  podsRefused,
  setAutoMigrate,
  setDeadline,
  typed,
  upgradeHarmed,
  workloads,
} from '../while-helm-works.ts';

/** A webhook that dies after preflight has passed: until it is changed, it refuses the old pods too. */

const harm = `${kubectl} apply -f - <<'END'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: dead }
webhooks:
  - name: dead.example.com
    failurePolicy: Fail
    sideEffects: None
    admissionReviewVersions: [v1]
    timeoutSeconds: 2
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ivaap } }
    clientConfig: { service: { name: gone, namespace: ivaap } }
    rules: [{ apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods] }]
END
${podsRefused('failed calling webhook')}`;

const waits = 'rollback waits for it until';
/** Not before the operator has read that the rollback waits for the webhook. */
const heal = `timeout 180 bash -c '
until grep -q "${waits}" "$(ls -t /opt/ivaap/.installer/logs/*.jsonl | head -1)"; do sleep 0.5; done'
${kubectl} patch validatingwebhookconfiguration dead --type=json \\
  -p '[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Ignore"}]'
${podsAccepted}`;

test('a webhook that refuses the pods ends Helm’s wait, and the rollback says that it waits', async (t) => {
  await withHost('installed-2026.1', 15, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();
    await host.shell(setAutoMigrate('false'));
    await setDeadline(host, 600);

    await chapter('told, given its grace, then rolled back once the webhook is changed', async () => {
      const result = await upgradeHarmed(host, { harm, heal });
      t.diagnostic(result.output);
      await assertExit(host, result, 7, 'an upgrade whose pods a webhook refuses');
      assert.match(result.stderr, /error: .*Helm rolled the release back to 2026\.1, and it answers\. The/);
      assert.match(result.stderr, /The database schema is unchanged \(version 3\)/);
      const refused =
        'no pod can be created: Internal error occurred: failed calling webhook "dead\\.example\\.com"';
      for (const said of [
        `${refused}.*it has 90 s to recover`,
        `cannot become ready \\(${refused}.* for \\d+ s\\): Helm is asked to stop`,
        `${refused}.*; Helm's ${waits} [\\d:]+ UTC at the latest`,
      ]) {
        assert.equal(count(result.output, new RegExp(said)), 1, `said once: ${said}`);
      }
      const causes = causesOf(result)
        .split('\n')
        .filter((line) => line.includes('failed calling webhook'));
      const [cause = ''] = causes;
      assert.equal(causes.length, 1, 'one cause, once');
      assert.match(cause, new RegExp(`: ${refused}.*service "gone" not found`));
      const named = cause.slice(0, cause.indexOf(': ')).trim().split(', ').sort();
      assert.deepEqual(named, workloads, 'of all workloads');
      const command = namedCommand(result.stderr);
      assert.match((await typed(host, command)).stdout, /\/dead /, 'the webhook is shown');
      assert.ok(result.seconds < 300, `${result.seconds} s`);
      await assertOldReleaseRuns(host, wells);
    });

    await chapter('the same command ends well with the webhook changed', async () => {
      await assertEndsWell(host);
      assert.equal(await host.wells.checksum(), wells);
    });
  });
});
