import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertExit, chapters, withHost } from '../harness.ts';
import { operatorEnvironment } from '../host.ts';

/**
 * The names on PATH on a real node: the upgrade puts them there, kubectl and the dump by hand are used
 * through them, and nothing of them is left in the end.
 */

test('upgrade --activate, ki, ivaap_pgdump, activate --undo, as an operator types them', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const env = { ...operatorEnvironment, PATH: `/usr/local/bin:${operatorEnvironment.PATH}` };
    /** Typed in a shell of root that looks in /usr/local/bin. */
    const typed = async (exit: number, ...argv: [string, ...string[]]) => {
      const result = await host.run(argv, { env, timeoutMs: 240_000 });
      await assertExit(host, result, exit, argv.join(' '));
      return result;
    };
    const local = async () => (await host.shell(`find /usr/local -printf '%p %y %m %U %l\\n' | sort`)).stdout;
    const untouched = await local();

    await chapter(
      'the upgrade puts its version on PATH, and a second time there is nothing to do',
      async () => {
        const up = await host.ivaap('2026.2', ['install', '--upgrade', '--activate'], { timeoutMs: 400_000 });
        await assertExit(host, up, 0, 'install --upgrade --activate');
        assert.match(up.stdout, /ivaap, ki, ivaap_pgdump: on PATH now, version 2026\.2/);
        assert.equal((await typed(0, 'ivaap', '-v')).stdout, 'ivaap 2026.2\n');
        assert.match((await typed(0, 'ivaap', 'activate')).stdout, /on PATH already/);
        await host.untilHealthy();
      },
    );

    await chapter('ki is kubectl in a namespace, with its output and its exit codes', async () => {
      const plain = await host.kubectl('get', 'pods', '-n', 'ivaap', '-o', 'name');
      assert.match(plain.stdout, /pod\/postgres-0/);
      for (const words of [
        ['ivaap', 'get', 'pods', '-o', 'name'],
        ['get', 'pods', '-o', 'name'],
      ])
        assert.equal((await typed(0, 'ki', ...words)).stdout, plain.stdout);
      assert.match((await typed(1, 'ki', 'ivaap', 'get', 'pod', 'nobody')).stderr, /NotFound/);
      assert.match((await typed(2, 'ki')).stderr, /try: ki ivaap get pods/);
    });

    await chapter('the pod of the page is deleted, and its controller starts a new one', async () => {
      const pods = async () =>
        (await typed(0, 'ki', 'ivaap', 'get', 'pods', '-l', 'app=adminserver', '-o', 'name')).stdout;
      const before = await pods();
      assert.match(before, /^pod\/adminserver-\S+\n$/);
      const deleted = await typed(0, 'ki', 'ivaap', 'delete', 'pod', '-l', 'app=adminserver');
      assert.match(deleted.stdout, /pod "adminserver-\S+" deleted/);
      assert.notEqual(await pods(), before);
      await host.untilHealthy(120);
    });

    await chapter('a dump by hand is whole, has its note, and replaces nothing', async () => {
      const wells = await host.sql('SELECT count(*) FROM wells');
      const { stdout } = await typed(0, 'ivaap_pgdump', '--json', '/root/by-hand.sql');
      const note = JSON.parse(stdout) as Record<string, unknown> & { tables: Record<string, number> };
      const hash = (await host.shell('sha256sum < /root/by-hand.sql')).stdout.split(' ')[0];
      assert.deepEqual(
        [note['version'], note['schemaVersion'], note['sha256'], note.tables['public.wells']],
        ['2026.2', await host.schemaVersion(), hash, Number(wells)],
      );
      assert.deepEqual(JSON.parse(await host.readFile('/root/by-hand.sql.json')), note);
      assert.equal(
        (await host.shell(`stat -c '%a' /root/by-hand.sql /root/by-hand.sql.json`)).stdout,
        '600\n600\n',
      );
      assert.match((await typed(2, 'ivaap_pgdump', '/root/by-hand.sql')).stderr, /already exists/);
      // The server takes it: all of it, in one transaction.
      const psql = 'psql -X -q -U postgres -v ON_ERROR_STOP=1';
      const exec = `ki ivaap exec -i postgres-0 -c postgres --`;
      await host.shell(
        `${exec} ${psql} -d postgres -c 'CREATE DATABASE by_hand TEMPLATE template0'; ` +
          `${exec} ${psql} -1 -d by_hand < /root/by-hand.sql`,
        { env, timeoutMs: 240_000 },
      );
      assert.equal(await host.sql('SELECT count(*) FROM wells', 'by_hand'), wells);
    });

    await chapter('undo leaves /usr/local as it was before', async () => {
      await typed(0, 'ivaap', 'activate', '--undo');
      assert.equal(await local(), untouched);
      assert.equal((await host.run(['sh', '-c', 'command -v ivaap ki ivaap_pgdump'], { env })).stdout, '');
    });
  });
});
