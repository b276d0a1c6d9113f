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

/** A quota that is set after preflight has passed: what it refuses, and the command that shows it. */

const harm = `${kubectl} create quota most -n ivaap --hard=pods=0
${podsRefused('exceeded quota: most')}`;
const heal = `${kubectl} patch quota most -n ivaap --type=merge -p '{"spec":{"hard":{"pods":"20"}}}'
${podsAccepted}`;

test('a quota that refuses the new pods ends Helm’s wait, and the old release comes back', async (t) => {
  await withHost('installed-2026.1', 15, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();
    await host.shell(setAutoMigrate('false'));
    await setDeadline(host, 600);

    await chapter('told, given its grace, then rolled back once the quota is raised', async () => {
      const result = await upgradeHarmed(host, { harm, heal });
      t.diagnostic(result.output);
      await assertExit(host, result, 7, 'an upgrade whose pods a quota refuses');
      assert.match(result.stderr, /error: .*Helm rolled the release back to 2026\.1, and it answers\. The/);
      assert.match(result.stderr, /The database schema is unchanged \(version 3\)/);
      const refused = 'no pod can be created: forbidden: exceeded quota: most, limited: pods=0';
      assert.match(result.output, new RegExp(`${refused}.*it has 90 s to recover`));
      const ended = new RegExp(`cannot become ready \\(${refused}.* for \\d+ s\\): Helm is asked to stop`);
      assert.match(result.output, ended);
      const causes = causesOf(result).split('\n');
      assert.equal(count(causes.join('\n'), 'exceeded quota'), 1, causes.join('\n'));
      for (const workload of workloads) {
        const lines = causes.filter((line) => line.includes(refused) && line.includes(workload));
        assert.equal(lines.length, 1, `${workload} is told with its cause, once: ${causes.join('\n')}`);
      }
      const command = namedCommand(result.stderr);
      assert.match(command, /k3s kubectl describe resourcequota most -n ivaap$/);
      assert.match((await typed(host, command)).stdout, /^pods +\d+ +20$/m, 'the quota is shown');
      assert.ok(result.seconds < 300, `${result.seconds} s`);
      await assertOldReleaseRuns(host, wells);
    });

    await chapter('the same command ends well with the quota raised', async () => {
      await assertEndsWell(host);
      assert.equal(await host.wells.checksum(), wells);
    });
  });
});
