import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { differences } from '../fingerprint.ts';
import { licenseText } from '../golden.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { fqdn, type TestHost } from '../host.ts';
import { inventory } from '../inventory.ts';
import { readState } from '../state.ts';
import { pathEnvironment, typeAtTerminal } from '../typed.ts';
import { sampleWells } from '../wells.ts';

/**
 * One host from its first install to its last uninstall, as one operator types it, each command in the state
 * that the one before has left.
 */

const license = '/root/license.json';
const lock = '/opt/ivaap/.installer/lock';
const byHand = '/root/by-hand.sql';
const old = '2026.1';
const target = '2026.2';
const enter = '\r';

/** Types a line without a terminal, in the folder of a package. */
async function types(host: TestHost, version: string, line: string, exit = 0): Promise<string> {
  const folder = dirname(await host.package(version));
  const result = await host.run(['bash', '-c', line], {
    cwd: folder,
    env: pathEnvironment,
    timeoutMs: 900_000,
  });
  await assertExit(host, result, exit, line);
  return result.stdout + result.stderr;
}

test('one host from its first install to its last uninstall', async (t) => {
  await withHost('bare', 60, async (host) => {
    const chapter = chapters(t, host);
    await host.writeFile(license, licenseText, '0600');
    for (const version of [old, target]) await host.package(version);
    const folder = dirname(await host.package(old));
    const before = await inventory(host);
    let wells = '';

    await chapter('installed by prompts, and killed while images are loaded', async () => {
      using terminal = typeAtTerminal(host, './ivaap install', { folder });
      await terminal.answer(/licence of IVAAP/, `${license}${enter}`);
      await terminal.answer(/its own names/, '\u001B[A');
      await terminal.answer(/● another name/, enter);
      await terminal.answer(/in DNS or in \/etc\/hosts/, `${fqdn}${enter}`);
      await terminal.answer(/Where is the database/, enter);
      await terminal.answer(/Which connectors/, enter);
      await terminal.answer(/like this\?/, enter);
      await host.until('images are loaded', 600, async () => {
        const { run } = await readState(host);
        return run?.steps['load_images'] === undefined ? undefined : true;
      });
      const { pid } = JSON.parse(await host.readFile(lock)) as { pid: number };
      await host.shell(`kill -KILL ${pid}`);
      assert.equal(await terminal.exitCode(), 137, terminal.text);
      assert.equal((await readState(host)).installed, undefined);
    });

    await chapter('--resume goes on with what was answered, and the product takes data', async () => {
      const said = await types(host, old, './ivaap install --resume');
      assert.match(said, /done and kept: preflight/);
      await host.untilHealthy();
      await host.wells.add(sampleWells(100));
    });

    await chapter('rolled back to postgres, with a dump first and the data folder put aside', async () => {
      const line = './ivaap install --rollback-to postgres';
      assert.match(await types(host, old, line, 2), /loses data: the database ivaapdb/);
      const said = await types(host, old, `${line} --accept-data-loss`);
      assert.match(said, /\/opt\/ivaap\/postgres\.removed-\d{8}T\d{6}Z/);
      assert.match(said, /\/ivaapdb\.sql/);
      assert.equal((await readState(host)).installed, undefined);
    });

    await chapter('installed again with the same answers after one yes, and filled', async () => {
      using terminal = typeAtTerminal(host, './ivaap install', { folder });
      await terminal.shows(/Go on with the install[^]*\[y\/N\]/, { timeoutMs: 600_000 });
      terminal.type(`y${enter}`);
      assert.equal(await terminal.exitCode(900_000), 0, terminal.text);
      await host.untilHealthy();
      assert.equal((await host.wells.list()).count, 0);
      await host.wells.add(sampleWells(300));
    });

    await chapter('upgraded, and on PATH afterwards', async () => {
      const said = await types(host, target, './ivaap install --upgrade --activate');
      assert.match(said, /on PATH now, version 2026\.2/);
      await host.untilHealthy();
      wells = await host.wells.checksum();
      assert.match(wells, /^300 in schema 5,/);
    });

    await chapter('ki: the pods, and the deletion of one', async () => {
      assert.match(await types(host, target, 'ki ivaap get pods'), /^postgres-0 +1\/1 +Running/m);
      const deleted = await types(host, target, 'ki ivaap delete pod -l app=adminserver');
      assert.match(deleted, /pod "adminserver-\S+" deleted/);
      await host.untilHealthy(180);
    });

    await chapter('ivaap_pgdump', async () => {
      assert.match(await types(host, target, `ivaap_pgdump ${byHand}`), /complete and verified/);
      await host.shell(`grep -q 'PostgreSQL database dump complete' ${byHand}; rm ${byHand} ${byHand}.json`);
    });

    await chapter('uninstalled from PATH, with the data kept', async () => {
      const line = 'ivaap uninstall --keep-data --confirm ivaap --dump-to /root/ivaap-first';
      await types(host, target, line);
      const { stdout } = await host.shell('stat -c %a /opt/ivaap/postgres.kept.json; ls /usr/local/bin');
      assert.match(stdout, /^600\n/);
      assert.doesNotMatch(stdout, /ivaap|^ki$/m);
    });

    await chapter('the older release is refused over these data; the same one finds its wells', async () => {
      const answers = `--fqdn ${fqdn} --license ${license} --yes`;
      assert.match(await types(host, old, `./ivaap install ${answers}`, 5), /schema/);
      await types(host, target, `./ivaap install ${answers}`);
      await host.untilHealthy();
      assert.equal(await host.wells.checksum(), wells);
    });

    await chapter('an upgrade of what was kept, with its wells', async () => {
      const said = await types(host, '2027.1', './ivaap install --upgrade --activate');
      assert.match(said, /on PATH now, version 2027\.1/);
      await host.untilHealthy();
      assert.match(await host.wells.checksum(), /^300 in schema 6,/);
    });

    await chapter('applied once more: nothing pins the images of the release before', async () => {
      await types(host, '2027.1', './ivaap install --upgrade --reapply --yes --no-activate');
      const { stdout } = await host.k3s('ctr', 'images', 'list');
      const ofOld = stdout.split('\n').filter((line) => line.includes('ivaap.installer/release=2026.2'));
      assert.notEqual(ofOld.length, 0, stdout);
      assert.deepEqual(
        ofOld.filter((line) => line.includes('io.cri-containerd.pinned=pinned')),
        [],
      );
    });

    await chapter('uninstalled: the host is as it was', async () => {
      await types(host, target, 'ivaap uninstall --confirm ivaap --dump-to /root/ivaap-second');
      await host.until('nothing differs', 60, async () => {
        const differs = differences(before, await inventory(host));
        if (differs !== '') throw new Error(differs);
        return true;
      });
      const { stdout } = await host.shell('cat /root/ivaap-second/*/ivaapdb.sql | grep -c "^[0-9]*.W-"');
      assert.equal(Number(stdout), 300);
    });
  });
});
