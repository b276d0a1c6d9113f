import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertImagesOf, helmHistory } from '../cluster.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/** The guide's rollback-safe cutover: the new release on the old schema first, the migration later. */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const setAutoMigrate = (host: TestHost, flag: string) =>
  host.shell(`sed -i -E "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 '${flag}'|" ${valuesFile}`);

async function autoMigrateOfCluster(host: TestHost): Promise<string[]> {
  const { items } = await host.getJson<{ items: { data?: Record<string, string> }[] }>('configmaps');
  return items.flatMap(({ data }) => data?.['IVAAP_SERVER_ADMIN_AUTO_MIGRATE'] ?? []);
}

test('the release moves first, the schema in a second window', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    let byHand = '';

    await chapter('with the flag false 2026.2 runs on the schema of 2026.1', async () => {
      await setAutoMigrate(host, 'false');
      const result = await host.ivaap('2026.2', ['install', '--upgrade']);
      await assertExit(host, result, 0, 'install --upgrade with AUTO_MIGRATE false');
      await host.untilHealthy();
      await assertImagesOf(host, '2026.2');
      assert.match(await host.wells.checksum(), /^1000 in schema 3,/);
    });

    await chapter('with the flag true --reapply leaves the schema and names the pod to delete', async () => {
      await setAutoMigrate(host, 'true');
      const result = await host.ivaap('2026.2', ['install', '--upgrade', '--reapply', '--yes']);
      await assertExit(host, result, 0, '--reapply with AUTO_MIGRATE true');
      assert.equal(await host.schemaVersion(), 3);
      assert.match(result.stdout + result.stderr, /delete pod.* -l app=adminserver/);
      // The node is root's own, without sudo.
      byHand = /to apply a changed values file with Helm: sudo (.*)/.exec(result.stdout)?.[1] ?? '';
      assert.ok(byHand.includes(' --values=/opt/ivaap/.installer/values.overlay.yaml '), byHand);
      const status = await host.ivaap('2026.2', ['status']);
      assert.ok(status.stdout.includes(`Helm: sudo ${byHand}\n`), status.stdout);
    });

    await chapter('deleting that pod migrates', async () => {
      await host.shell('k3s kubectl delete pod -n ivaap -l app=adminserver', {
        env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
      });
      await host.until('the schema is 5', 60, async () =>
        (await host.schemaVersion()) === 5 ? true : undefined,
      );
      await host.untilHealthy();
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
    });

    await chapter(
      'false again, applied by Helm with the line that was printed, is accepted by status and the next run',
      async () => {
        await setAutoMigrate(host, 'false');
        await host.shell(byHand, { env: { PATH: '/usr/bin:/bin', HOME: '/root' } });
        assert.deepEqual(await autoMigrateOfCluster(host), ['false']);
        assert.equal((await helmHistory(host)).at(-1)?.status, 'deployed');
        const status = await host.ivaap('2026.2', ['status']);
        await assertExit(host, status, 0, 'status');
        assert.equal((await readState(host)).installed?.version, '2026.2');
        const again = await host.ivaap('2026.2', ['install', '--upgrade']);
        await assertExit(
          host,
          again,
          10,
          'install --upgrade after a manual helm upgrade of the same version',
        );
      },
    );
  });
});
