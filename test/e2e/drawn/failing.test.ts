import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertImagesOf, helmHistory } from '../cluster.ts';
import { tableChecksums } from '../database.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/**
 * An upgrade whose backend never becomes ready: what the operator sees, and that the same binary completes it
 * later.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const edit = (host: TestHost, expression: string) =>
  host.shell(`sed -i -E ${JSON.stringify(expression)} ${valuesFile}`);
const breakReadiness = (host: TestHost) => edit(host, 's|(readinessPath:).*|\\1 /backend/nowhere|');
const mendReadiness = (host: TestHost) => edit(host, 's|(readinessPath:).*|\\1 /backend/ready|');

async function assertCompletesAfterMending(host: TestHost): Promise<void> {
  const failed = await readState(host);
  await mendReadiness(host);
  const result = await host.ivaap('2026.2', ['install', '--upgrade']);
  await assertExit(host, result, 0, 'the same command after the values file was mended');
  const done = await readState(host);
  assert.equal(done.run?.id, failed.run?.id, 'it is the same run that goes on');
  assert.equal(done.installed?.version, '2026.2');
  const attempts = (id: string) => [failed.run?.steps[id]?.attempts, done.run?.steps[id]?.attempts];
  assert.deepEqual(attempts('upgrade_load_images'), [1, 1], 'what was done is not done again');
  assert.deepEqual(attempts('upgrade_helm'), [1, 2]);
  await host.untilHealthy();
  await assertImagesOf(host, '2026.2');
  assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
}

async function anchorDump(host: TestHost): Promise<{ path: string; sha256: string }> {
  const anchor = (await readState(host)).anchors['2026.1']?.derived['pgDump'];
  return anchor as { path: string; sha256: string };
}

test('with AUTO_MIGRATE false a failing upgrade is rolled back: exit 7, and 2026.1 answers', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const wells = await host.wells.checksum();
    await edit(host, "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 'false'|");
    await breakReadiness(host);

    await chapter('the upgrade fails with exit 7 and says that the schema is unchanged', async () => {
      const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 400_000 });
      await assertExit(host, result, 7, 'an upgrade that cannot become ready');
      t.diagnostic(result.stderr);
      assert.match(result.stderr, /rolled .*back to 2026\.1/);
      assert.match(result.stderr, /schema is unchanged \(version 3\)/);
      assert.match(result.stderr, /^try: /m);
      assert.match(result.stderr, /backend/, 'it names the workload that did not become ready');
    });

    await chapter('2026.1 answers with its wells', async () => {
      await host.untilHealthy();
      assert.equal(await host.wells.checksum(), wells);
      await assertImagesOf(host, '2026.1');
      const last = (await helmHistory(host)).at(-1);
      assert.deepEqual([last?.status, last?.version], ['deployed', '2026.1']);
      const status = await host.ivaap('2026.2', ['status']);
      assert.match(status.stdout, /upgrade_helm.*failed|failed.*upgrade_helm/i);
    });

    await chapter('the same binary completes the upgrade from where it was, schema untouched', async () => {
      await edit(host, "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 'true'|");
      const anchor = await anchorDump(host);
      await assertCompletesAfterMending(host);
      const kept = await host.shell(`sha256sum ${anchor.path}`);
      assert.ok(kept.stdout.startsWith(anchor.sha256), 'the dump from before Helm is kept as it was');
    });
  });
});

test('with AUTO_MIGRATE true the schema has moved: exit 8, and the script beside the dump brings the database back', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const before = { tables: await tableChecksums(host), wells: await host.wells.checksum() };
    await breakReadiness(host);
    await chapter('the upgrade fails with exit 8 and prints dump, hash and the way back', async () => {
      const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 400_000 });
      await assertExit(host, result, 8, 'an upgrade that cannot become ready after the schema moved');
      const said = result.stderr;
      t.diagnostic(said);
      assert.match(said, /schema has moved from version 3 to 5/);
      const { path, sha256 } = await anchorDump(host);
      assert.ok(said.includes(path), 'the path of the dump');
      assert.ok(said.includes(sha256), 'its hash');
      assert.match(said, /^ *sudo \S*ivaap restore$/m);
    });

    await chapter(
      'the script beside the dump, run twice, brings database and wells back to 2026.1',
      async () => {
        const command = `sh ${(await anchorDump(host)).path.replace(/[^/]+$/, 'restore.sh')}`;
        const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' };
        const first = await host.shell(command, { env });
        t.diagnostic(first.stdout);
        await host.shell(command, { env });
        assert.deepEqual(await tableChecksums(host), before.tables);
        await host.untilHealthy();
        assert.equal(await host.wells.checksum(), before.wells);
      },
    );

    await chapter('the same binary completes the upgrade from where it was', () =>
      assertCompletesAfterMending(host),
    );
  });
});
