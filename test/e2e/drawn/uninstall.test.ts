import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences } from '../fingerprint.ts';
import { licenseText } from '../golden.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { fqdn } from '../host.ts';
import { inventory } from '../inventory.ts';
import { sampleWells } from '../wells.ts';

/**
 * The whole life on one host: installed, filled, uninstalled with its data kept, installed again with the
 * wells there, and uninstalled for good: the host is as it was before the first install.
 */

const licenseFile = '/root/license.json';
const installed = ['install', '--fqdn', fqdn, '--license', licenseFile, '--yes'];
const wells = sampleWells(1000);

test('a host is installed, keeps its data over an uninstall, and is at last as it was before', async (t) => {
  await withHost('bare', 25, async (host) => {
    const chapter = chapters(t, host);
    await host.writeFile(licenseFile, licenseText, '0600');
    await host.package('2026.1');
    const before = await inventory(host);
    let password = '';
    const passwordNow = async () =>
      (await host.getJson<{ data: { password: string } }>('secret', 'ivaap-database')).data.password;

    await chapter('installed and filled', async () => {
      await assertExit(host, await host.ivaap('2026.1', installed), 0, 'the install');
      await host.untilHealthy();
      await host.wells.add(wells);
      password = await passwordNow();
    });

    await chapter(
      'a dry run names release, claim, volume, database, images and files, and changes nothing',
      async () => {
        const { code, stdout } = await host.ivaap('2026.1', ['uninstall', '--dry-run']);
        assert.equal(code, 0, stdout);
        for (const part of [
          /2026\.1, revision 1, deployed/,
          /persistentvolumeclaim\/ivaap-postgres-data/,
          /persistentvolume\/ivaap-postgres-data/,
          /schema version \d/,
          /ivaap\.values\.yaml/,
        ]) {
          assert.match(stdout, part);
        }
        await host.untilHealthy();
      },
    );

    await chapter('neither --yes nor another name is an answer', async () => {
      for (const flags of [['--yes'], ['--confirm', 'other'], []]) {
        const { code, stderr } = await host.ivaap('2026.1', ['uninstall', ...flags]);
        assert.equal(code, 2, stderr);
      }
      await host.untilHealthy();
    });

    await chapter('uninstalled, with its data kept', async () => {
      const flags = ['--confirm', 'ivaap', '--keep-data', '--dump-to', '/root/ivaap-first'];
      const result = await host.ivaap('2026.1', ['uninstall', ...flags]);
      await assertExit(host, result, 0, 'uninstall --keep-data');
      assert.match(result.stdout, /1000 rows|rows/);
      const { stdout } = await host.shell(`
        stat -c '%a %n' /opt/ivaap/postgres.kept.json
        ls -A /opt/ivaap
        ls /root/ivaap-first/*/ivaapdb.sql`);
      assert.match(stdout, /^600 \/opt\/ivaap\/postgres\.kept\.json\npostgres\npostgres\.kept\.json\n/);
      assert.equal((await host.kubectl('get', 'namespace', 'ivaap')).code, 1);
    });

    await chapter('installed again over them: the wells are there, with the same password', async () => {
      await assertExit(host, await host.ivaap('2026.1', installed), 0, 'the install over kept data');
      await host.untilHealthy();
      assert.equal((await host.wells.list()).count, wells.length);
      assert.equal(await passwordNow(), password);
    });

    await chapter('uninstalled for good: the host is as it was before the install', async () => {
      await assertExit(host, await host.ivaap('2026.1', ['activate']), 0, 'activate');
      const flags = ['--confirm', 'ivaap', '--dump-to', '/root/ivaap-second'];
      await assertExit(host, await host.ivaap('2026.1', ['uninstall', ...flags]), 0, 'uninstall');
      const after = await host.until('nothing differs', 30, async () => {
        const now = await inventory(host);
        const differs = differences(before, now);
        if (differs !== '') throw new Error(differs);
        return now;
      });
      assert.deepEqual(after.length, before.length);
      const { stdout } = await host.shell('cat /root/ivaap-second/*/ivaapdb.sql | grep -c "^[0-9]*.W-"');
      assert.equal(Number(stdout), wells.length);
      assert.equal((await host.ivaap('2026.1', ['uninstall', '--confirm', 'ivaap'])).code, 10);
    });
  });
});
