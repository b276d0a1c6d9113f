import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertImagesOf, helmHistory } from '../cluster.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { deleteRecords } from '../helm-records.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/**
 * A host whose state was lost, damaged or made untrue by a restore, brought back under management on a real
 * node.
 */

const stateFile = '/opt/ivaap/.installer/state.json';
const upgrade = ['install', '--upgrade'];

async function assertRefused(
  host: TestHost,
  version: string,
  argv: readonly string[],
  { exit, says, hint }: { exit: number; says: RegExp; hint: RegExp },
): Promise<void> {
  const result = await host.ivaap(version, argv);
  await assertExit(host, result, exit, `${version} ${argv.join(' ')}`);
  assert.match(result.stderr, says);
  assert.match(result.stderr, hint);
}

async function assertRuns(host: TestHost, version: string, argv: readonly string[]): Promise<string> {
  const result = await host.ivaap(version, argv, { timeoutMs: 400_000 });
  await assertExit(host, result, 0, `${version} ${argv.join(' ')}`);
  return result.stdout;
}

const toRepair = /^try: (versions: )?sudo \.\/ivaap repair-state$/m;

test('a state is lost, a disk is away, a dump is restored, a record is gone: one command each brings the host back', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();

    await chapter(
      'a disk that is not mounted is asked for, and nothing is written into its folder',
      async () => {
        await host.shell('mount -t tmpfs away /opt/ivaap');
        try {
          const says = /the disk that holds \/opt\/ivaap does not seem to be mounted/;
          for (const argv of [upgrade, ['repair-state', '--yes']]) {
            await assertRefused(host, '2026.2', argv, { exit: 3, says, hint: /^try: lsblk/m });
          }
          assert.match(await assertRuns(host, '2026.2', ['status']), says);
          assert.equal((await host.shell('ls -A /opt/ivaap')).stdout, '');
        } finally {
          await host.shell('umount /opt/ivaap');
        }
      },
    );

    await chapter(
      'a state that is lost after a fresh install is made anew, and the upgrade takes its dump',
      async () => {
        await host.shell(`rm ${stateFile}`);
        await assertRefused(host, '2026.2', upgrade, { exit: 5, says: /its state is lost/, hint: toRepair });
        await assertRefused(host, '2026.2', ['repair-state'], {
          exit: 2,
          says: /there is no terminal/,
          hint: /--dry-run/,
        });
        assert.match(await assertRuns(host, '2026.2', ['repair-state', '--dry-run']), /installed: 2026\.1/);
        await assertRuns(host, '2026.2', ['repair-state', '--yes']);
        await assertRuns(host, '2026.2', [...upgrade, '--skip-backup']);
        await host.untilHealthy();
        const { installed, skippedBackups, anchors } = await readState(host);
        assert.deepEqual([installed?.version, skippedBackups.length], ['2026.2', 0]);
        assert.ok(anchors['2026.1']?.derived.pgDump !== undefined);
        assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
      },
    );

    await chapter(
      'a state that is damaged after an upgrade comes back with its anchor and its payload',
      async () => {
        const { anchors } = await readState(host);
        await host.shell(`truncate -s 900 ${stateFile}`);
        await assertRefused(host, '2026.2', upgrade, { exit: 3, says: /is damaged/, hint: toRepair });
        await assertRuns(host, '2026.2', ['repair-state', '--yes']);
        assert.deepEqual(
          (await readState(host)).anchors['2026.1']?.derived.pgDump,
          anchors['2026.1']?.derived.pgDump,
        );
        await assertRefused(host, '2026.2', upgrade, {
          exit: 10,
          says: /already installed/,
          hint: /--reapply/,
        });
      },
    );

    await chapter(
      'the dump from before is restored and Helm rolled back by hand: it is 2026.1 again, and upgrades',
      async () => {
        const { path } = (await readState(host)).anchors['2026.1']!.derived.pgDump as { path: string };
        const first = (await helmHistory(host)).at(0)!.revision;
        await host.shell(`sh ${path.replace(/[^/]+$/, 'restore.sh')}`, { timeoutMs: 240_000 });
        await host.shell(
          'KUBECONFIG=/etc/rancher/k3s/k3s.yaml $(ls ' +
            `/opt/ivaap/.installer/tools/*/helm | head -1) rollback ivaap ${first} -n ` +
            'ivaap --wait --timeout 3m',
          { timeoutMs: 240_000 },
        );
        await host.untilHealthy();
        assert.equal(await host.wells.checksum(), wells);
        await assertRefused(host, '2026.2', upgrade, {
          exit: 3,
          says: /the Helm release ivaap is .*2026\.1/,
          hint: toRepair,
        });
        assert.match(await assertRuns(host, '2026.2', ['repair-state', '--yes']), /installed: 2026\.1/);
        await assertRuns(host, '2026.2', upgrade);
        await host.untilHealthy();
        await assertImagesOf(host, '2026.2');
        assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
      },
    );

    await chapter("Helm's records gone: the next upgrade installs over what is there", async () => {
      await deleteRecords(
        host,
        (await helmHistory(host)).map(({ revision }) => revision),
      );
      await assertRefused(host, '2026.2', upgrade, { exit: 3, says: /Helm has no record/, hint: toRepair });
      await assertRuns(host, '2026.2', ['repair-state', '--yes']);
      await assertRuns(host, '2026.2', upgrade);
      await host.untilHealthy();
      assert.deepEqual(
        (await helmHistory(host)).map(({ status }) => status),
        ['deployed'],
      );
    });

    await chapter('a values file that is missing comes back with what Helm deployed', async () => {
      const values = '/opt/ivaap/ivaap.values.yaml';
      await host.shell(`rm ${values}`);
      await assertRefused(host, '2026.2', [...upgrade, '--reapply', '--yes'], {
        exit: 3,
        says: /is missing/,
        hint: toRepair,
      });
      await assertRuns(host, '2026.2', ['repair-state', '--yes']);
      await assertRuns(host, '2026.2', [...upgrade, '--reapply', '--yes']);
      await host.untilHealthy();
      await assertImagesOf(host, '2026.2');
    });
  });
});
