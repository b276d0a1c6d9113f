import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beside, k3s, killHelmOnceMigrated } from '../beside.ts';
import { assertImagesOf, helmHistory } from '../cluster.ts';
import { tableChecksums } from '../database.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { operatorEnvironment } from '../host.ts';
import { readState } from '../state.ts';

/** The way back where nothing rolled back: Helm dies once the schema has moved, and the new pods continue. */

/**
 * The only line of a text that is a command like that, as it is typed; the node is root's own, without sudo.
 */
function commandIn(text: string, like: RegExp): string {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => like.test(line));
  assert.equal(new Set(lines).size, 1, `one command like ${like}: ${text}`);
  return (lines[0] ?? '').replace(/^sudo /, '');
}

test('Helm killed once the schema had moved: restore.sh and the command that it prints bring 2026.1 back, and it stays', async (t) => {
  await withHost('installed-2026.1', 15, async (host) => {
    const chapter = chapters(t, host);
    await host.package('2026.1');
    const before = { tables: await tableChecksums(host), wells: await host.wells.checksum() };
    let back = '';

    await chapter('the upgrade ends with exit 8; the screen and status print one command', async () => {
      await beside(host, killHelmOnceMigrated);
      const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 400_000 });
      t.diagnostic(`${result.stderr}\n${await host.readFile('/root/beside.log')}`);
      await assertExit(host, result, 8, 'an upgrade whose Helm was killed once the schema had moved');
      assert.match(result.stderr, /ended by SIGKILL/);
      const last = (await helmHistory(host)).at(-1);
      assert.deepEqual([last?.status, last?.version], ['pending-upgrade', '2026.2']);
      const one = /^(sudo )?(\S*\/)?ivaap restore$/;
      const command = commandIn(result.stderr, one);
      const status = await host.ivaap('2026.2', ['status']);
      t.diagnostic(status.stdout);
      assert.equal(commandIn(status.stdout, one), command);
    });

    await chapter('restore.sh takes the new release away and names the next command', async () => {
      const dump = (await readState(host)).anchors['2026.1']?.derived['pgDump'] as { folder: string };
      const { stdout, stderr } = await host.shell(`sh ${dump.folder}/restore.sh`, {
        env: operatorEnvironment,
      });
      t.diagnostic(`${stdout}\n${stderr}`);
      assert.deepEqual(await tableChecksums(host), before.tables);
      back = commandIn(stdout, /^sudo .* install --upgrade /);
      const status = await host.ivaap('2026.2', ['status']);
      t.diagnostic(status.stdout);
    });

    await chapter('the command of the old release’s file, typed as printed, brings 2026.1 back', async () => {
      const result = await host.run(['bash', '-c', back], { timeoutMs: 400_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, 0, back);
      await host.untilHealthy();
      await assertImagesOf(host, '2026.1');
      assert.deepEqual(await tableChecksums(host), before.tables);
      assert.equal(await host.wells.checksum(), before.wells);
      assert.equal((await readState(host)).installed?.version, '2026.1');
      const last = (await helmHistory(host)).at(-1);
      assert.deepEqual([last?.status, last?.version], ['deployed', '2026.1']);
    });

    await chapter('a restart of what migrates does not move the database again', async () => {
      await host.shell(
        `${k3s} kubectl rollout restart -n ivaap deployment/adminserver
         ${k3s} kubectl rollout status -n ivaap deployment/adminserver --timeout=120s`,
      );
      await host.untilHealthy();
      assert.deepEqual(await tableChecksums(host), before.tables);
      assert.equal(await host.schemaVersion(), 3);
      const status = await host.ivaap('2026.1', ['status']);
      t.diagnostic(status.stdout);
    });

    await chapter('the new file upgrades again, to its end', async () => {
      const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 400_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, 0, 'the upgrade after the way back');
      await host.untilHealthy();
      await assertImagesOf(host, '2026.2');
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
    });
  });
});
