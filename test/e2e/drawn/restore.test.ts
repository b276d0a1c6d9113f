import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { State } from '../../../src/engine/state.ts';
import { beside, k3s, killHelmOnceMigrated } from '../beside.ts';
import { assertRuns } from '../cluster.ts';
import { tableChecksums } from '../database.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/**
 * `restore` after an upgrade whose Helm died once the schema had moved, without the old release's file: every
 * row is as before; taken back, and done again.
 */

const inDatabase = `${k3s} kubectl exec -n ivaap postgres-0 -c postgres --`;
const confirm = ['--confirm', 'ivaap'];

/** Leaves 64 MiB on the disk of the product and of its database. */
const fillDisk = `
  free=$(df --output=avail -B1M /opt/ivaap | tail -1)
  fallocate -l $((free - 64))M /opt/ivaap/.filler`;

const restoredOf = async (host: TestHost): Promise<NonNullable<State['restored']>> => {
  const { restored } = await readState(host);
  assert.ok(restored !== undefined);
  return restored;
};

test('restore brings 2026.1 back with every row, --undo brings back what was there, and restore again', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const before = { tables: await tableChecksums(host), wells: await host.wells.checksum() };
    const run = async (words: readonly string[], code: number, what: string) => {
      const result = await host.ivaap('2026.2', ['restore', ...words], { timeoutMs: 400_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, code, what);
      return result;
    };
    let migrated: Record<string, string> = {};

    await chapter('the upgrade ends with exit 8, and names the command', async () => {
      await beside(host, killHelmOnceMigrated);
      const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 400_000 });
      await assertExit(host, result, 8, 'an upgrade whose Helm was killed once the schema had moved');
      assert.match(result.stderr, /^ *sudo \S*ivaap restore$/m);
      await host.shell('rm -rf /opt/packages/ivaap-2026.1');
      migrated = await tableChecksums(host);
    });

    await chapter('on a full disk it is refused before anything is stopped', async () => {
      const pods = await host.kubectl('get', 'pods', '-n', 'ivaap', '-o', 'name');
      await host.shell(fillDisk);
      const refused = await run(confirm, 6, 'a restore without room');
      await host.shell('rm -f /opt/ivaap/.filler');
      assert.match(refused.stderr, /not enough free space|no space left|disk is full/i);
      assert.deepEqual(await tableChecksums(host), migrated);
      const now = await host.kubectl('get', 'pods', '-n', 'ivaap', '-o', 'name');
      assert.equal(now.stdout, pods.stdout);
    });

    await chapter('restore, with a session of others in the database: every row is as before', async () => {
      await beside(host, `${inDatabase} psql -U postgres -d ivaapdb -c 'SELECT pg_sleep(900)'`);
      const done = await run(confirm, 0, 'the restore');
      assert.match(done.stdout, /other sessions use the database, and are ended in 60 s: .*psql/);
      assert.deepEqual(await tableChecksums(host), before.tables);
      await assertRuns(host, '2026.1');
      assert.equal(await host.wells.checksum(), before.wells);
      assert.equal(await host.schemaVersion(), 3);
      await run(confirm, 10, 'the same again');
    });

    await chapter('--undo brings back the release of the upgrade, with its rows', async () => {
      await run(['--undo', ...confirm], 0, 'the undo');
      await assertRuns(host, '2026.2');
      assert.deepEqual(await tableChecksums(host), migrated);
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
    });

    await chapter('restore once more, and a restart of what migrates does not move it again', async () => {
      await run(confirm, 0, 'the second restore');
      await assertRuns(host, '2026.1');
      await host.shell(
        `${k3s} kubectl rollout restart -n ivaap deployment/adminserver
         ${k3s} kubectl rollout status -n ivaap deployment/adminserver --timeout=120s`,
      );
      await host.untilHealthy();
      assert.deepEqual(await tableChecksums(host), before.tables);
      assert.equal(await host.wells.checksum(), before.wells);
    });

    await chapter('--discard deletes what was moved aside', async () => {
      const { moved } = await restoredOf(host);
      const done = await run(['--discard', ...confirm], 0, 'the discard');
      assert.ok(done.stdout.includes(moved ?? 'none'), done.stdout);
      const left = await host.shell(`${inDatabase} psql -U postgres -Atqc 'SELECT datname FROM pg_database'`);
      assert.doesNotMatch(left.stdout, /_moved_|_restore_/);
      await run(['--undo', ...confirm], 10, 'an undo after the discard');
    });

    await chapter('the new file upgrades again, to its end', async () => {
      const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 400_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, 0, 'the upgrade after the restore');
      await assertRuns(host, '2026.2');
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
    });
  });
});
