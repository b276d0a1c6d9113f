import assert from 'node:assert/strict';
import { test } from 'node:test';
import { licenseText } from '../golden.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { fqdn, type TestHost } from '../host.ts';
import { readState } from '../state.ts';
import { sampleWells } from '../wells.ts';
import { runAndKill } from '../../crash/kill.ts';

/** An install that is killed, goes on, is rolled back with its data, and is installed again. */

const license = '/root/license.json';
const install = ['install', '--fqdn', fqdn, '--license', license, '--yes'];
const version = '2026.2';

async function secretsOf(host: TestHost): Promise<string> {
  const { items } = await host.getJson<{
    items: { metadata: { name: string; labels?: object }; data?: object }[];
  }>('secrets', '-l', 'app.kubernetes.io/managed-by=ivaap');
  return JSON.stringify(items.map(({ metadata, data }) => [metadata.name, data]));
}

interface Rolled {
  dump: string;
  dumpSha256: string;
  removedData: string;
  next: string;
}

/** The last line of `--json`: the result. */
function resultOf(stdout: string): Rolled {
  const events = stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  return events.find(({ type }) => type === 'result').data as Rolled;
}

test('killed, resumed, rolled back to postgres and installed again: no data is lost, and no password changes', async (t) => {
  await withHost('bare', 25, async (host) => {
    const chapter = chapters(t, host);
    await host.writeFile(license, licenseText, '0600');
    let secrets = '';
    let rolled: Rolled | undefined;

    await chapter('an install that is killed goes on with --resume alone', async () => {
      const killed = await runAndKill(host, { graph: 'install', kill: 'tree', place: 'load_images:running' });
      assert.ok(killed.hit, `killed at ${killed.places.join(', ')}`);
      await host.shell(`mv ${license} ${license}.away`);
      const resumed = await host.ivaap(version, ['install', '--resume']);
      await assertExit(host, resumed, 0, 'install --resume');
      assert.match(
        resumed.stdout + resumed.stderr,
        /done and kept: preflight.*values.*\n.*to do: .*load_images/,
      );
      const again = await host.ivaap(version, ['install', '--resume']);
      await assertExit(host, again, 10, 'install --resume of a completed install');
      await host.wells.add(sampleWells(200));
      secrets = await secretsOf(host);
    });

    await chapter('without consent a rollback is refused with what would be lost', async () => {
      const refused = await host.ivaap(version, ['install', '--rollback-to', 'postgres']);
      await assertExit(host, refused, 2, 'a rollback without consent');
      assert.match(refused.stderr, /loses data: the database ivaapdb \(about \d+ rows, .*; never dumped\)/);
      assert.equal((await host.wells.list()).wells.length, 200);
    });

    await chapter('an object of others in the namespace stops what would delete that', async () => {
      await host.kubectl('create', '-n', 'ivaap', 'configmap', 'of-others', '--from-literal=a=b');
      const refused = await host.ivaap(version, [
        'install',
        '--rollback-to',
        'namespace',
        '--accept-data-loss',
      ]);
      await assertExit(host, refused, 3, 'a rollback of a namespace with a foreign object');
      assert.match(refused.stderr, /configmap\/of-others/);
    });

    await chapter('with consent: a dump first, the folder renamed, the foreign object kept', async () => {
      const argv = ['install', '--rollback-to', 'postgres', '--accept-data-loss', '--json'];
      const done = await host.ivaap(version, argv);
      await assertExit(host, done, 0, 'a rollback to postgres');
      rolled = resultOf(done.stdout);
      const { stdout } = await host.shell(`sha256sum ${rolled.dump}; ls ${rolled.removedData}`);
      assert.ok(stdout.startsWith(rolled.dumpSha256));
      assert.match(stdout, /PG_VERSION|pgdata/);
      const { code } = await host.kubectl('get', '-n', 'ivaap', 'configmap', 'of-others');
      assert.equal(code, 0);
      const { run, installed, suspended } = await readState(host);
      assert.deepEqual([run?.flow, installed, suspended], ['install', undefined, undefined]);
      assert.deepEqual(Object.keys(run?.steps ?? {}), ['preflight', 'license', 'namespace', 'secrets']);
      const status = await host.ivaap(version, ['status']);
      assert.match(status.stdout, /rolled back to postgres/);
      assert.match(status.stdout, /to resume: sudo .* install/);
    });

    await chapter('installed again: an empty database, the same passwords', async () => {
      const again = await host.ivaap(version, install.slice(0, 1).concat('--resume'));
      await assertExit(host, again, 0, 'the install after the rollback');
      await host.untilHealthy();
      assert.deepEqual((await host.wells.list()).wells, []);
      assert.equal(await secretsOf(host), secrets);
    });

    await chapter('the dump of the rollback brings the wells back', async () => {
      assert.ok(rolled);
      await host.shell(`sh ${rolled.dump.replace(/\/[^/]+$/, '')}/restore.sh`);
      await host.untilHealthy();
      assert.equal((await host.wells.list()).wells.length, 200);
    });
  });
});
