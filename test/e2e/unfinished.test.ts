import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from './harness.ts';
import type { TestHost } from './host.ts';
import { readState } from './state.ts';

/** An upgrade that has not ended: fresh and skipped backups, and what `status` knows when little can be asked. */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
/** The chart's schema wants a text there: Helm refuses at once, with nothing changed. */
const breakValues = (host: TestHost) => host.shell(`sed -i -E 's|(readinessPath:).*|\\1 7|' ${valuesFile}`);
const mendValues = (host: TestHost) =>
  host.shell(`sed -i -E 's|(readinessPath:).*|\\1 /backend/ready|' ${valuesFile}`);

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

test('an upgrade that failed is begun again, without a backup, and with a fresh one', async (t) => {
  await withHost('installed-2026.1', 8, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();

    await chapter(
      'values that the chart refuses fail the upgrade; the product goes on as it was',
      async () => {
        await breakValues(host);
        const result = await host.ivaap('2026.2', ['install', '--upgrade']);
        await assertExit(host, result, 7, 'an upgrade with values that the chart refuses');
        assert.match(result.stderr, /readinessPath/, 'it names the value');
        assert.equal(await host.wells.checksum(), wells);
        const { latest, anchor } = await dumps(host);
        assert.equal(anchor?.path, latest?.path);
        await assertWhole(host, anchor);
      },
    );

    await chapter('--reapply takes a fresh dump and snapshot beside the anchor', async () => {
      const before = await dumps(host);
      const result = await host.ivaap('2026.2', ['install', '--upgrade', '--reapply', '--yes']);
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
      assert.match(result.stdout, /state not known: only root may read it/);
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

    await chapter('once the values are mended the same binary completes the upgrade', async () => {
      await mendValues(host);
      const result = await host.ivaap('2026.2', ['install', '--upgrade']);
      await assertExit(host, result, 0, 'the upgrade with mended values');
      await host.untilHealthy();
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
      await assertWhole(host, (await dumps(host)).anchor);
    });

    await chapter('--skip-backup is remembered by name, and every later failure says it', async () => {
      await breakValues(host);
      for (const attempt of ['an upgrade without a backup', 'the same once more']) {
        const result = await host.ivaap('2027.1', ['install', '--upgrade', '--skip-backup']);
        await assertExit(host, result, 7, `${attempt}, with values that the chart refuses`);
        assert.match(result.stderr, /no dump of this upgrade \(--skip-backup by olga/i);
      }
      const { stdout } = await host.ivaap('2027.1', ['status']);
      assert.match(stdout, /no dump of this upgrade: 2026\.2 -> 2027\.1, --skip-backup by olga/);
    });
  });
});
