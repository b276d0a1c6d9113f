import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from '../harness.ts';
import {
  assertEndsWell,
  assertOldReleaseRuns,
  causesOf,
  namedCommand,
  setAutoMigrate,
  templates,
  typed,
  upgradeHarmed,
} from '../while-helm-works.ts';

/** A chart whose hook fails, or whose init container waits forever: neither is seen by a rendering. */

const image = '{{ include "ivaap.image" (dict "root" . "name" "postgres") }}';
/**
 * Only a hook that has succeeded is removed, as many charts have it: what failed stays, and keeps the next
 * from running.
 */
const hook = (when: string, script: string) => `cat > ${templates}/hook.yaml <<'END'
apiVersion: batch/v1
kind: Job
metadata:
  name: prepare
  annotations:
    helm.sh/hook: ${when}
    helm.sh/hook-delete-policy: hook-succeeded
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: prepare
          image: ${image}
          imagePullPolicy: IfNotPresent
          command: [sh, -c, ${JSON.stringify(script)}]
END`;
const waitsForEver =
  "sed -i '0,/^      containers:/s||      initContainers:\\n        - name: wait\\n          " +
  `image: ${image}\\n          command: [sh, -c, "echo waiting for the licence server; exec sleep ` +
  `9999"]\\n&|' ${templates}/backend.yaml`;

test('a hook that fails and an init container that never ends are told as the cause, and the old release comes back', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();
    await host.shell(setAutoMigrate('false'));

    for (const when of ['pre-upgrade', 'post-upgrade']) {
      await chapter(`a ${when} hook that fails, and the command that takes its rest away`, async () => {
        const harm = hook(when, 'echo looking; sleep 1; echo cannot find table licences; exit 3');
        const result = await upgradeHarmed(host, { harm });
        t.diagnostic(result.output);
        await assertExit(host, result, 7, `an upgrade whose ${when} hook fails`);
        const causes = causesOf(result).split('\n');
        const first = causes.findIndex((line) => line.includes(`Job/prepare: the ${when} hook failed:`));
        assert.match(causes[first] ?? '', /BackoffLimitExceeded; prepare: ended with exit code 3/);
        assert.match(causes[first + 1] ?? '', /log: looking/);
        assert.match(causes[first + 2] ?? '', /log: cannot find table licences/);
        assert.doesNotMatch(causesOf(result), /(Deployment|StatefulSet)\/\w+: /, 'nothing else is a cause');
        const command = namedCommand(result.stderr);
        assert.match(command, /k3s kubectl delete job prepare -n ivaap --ignore-not-found$/);
        await typed(host, command);
        await assertOldReleaseRuns(host, wells);
      });
    }

    await chapter('an init container that never ends', async () => {
      const result = await upgradeHarmed(host, { harm: waitsForEver });
      t.diagnostic(result.output);
      await assertExit(host, result, 7, 'an upgrade whose init container waits for ever');
      assert.match(result.output, /Deployment\/backend: init container wait: is still running/);
      assert.match(causesOf(result), /log: waiting for the licence server/);
      assert.ok(result.seconds < 480, `${result.seconds} s`);
      await assertOldReleaseRuns(host, wells);
    });

    await chapter('the same command ends well with the chart as it was packed', () => assertEndsWell(host));
  });
});
