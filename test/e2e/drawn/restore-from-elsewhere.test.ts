import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertImagesOf } from '../cluster.ts';
import { tableChecksums } from '../database.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { readState } from '../state.ts';
import { sampleWells } from '../wells.ts';

/**
 * `restore` of a dump that was taken by hand, with and without its note, then of the older release while the
 * ingress is dead and its images are there no more but in its package.
 */

const byHand = '/root/by-hand.sql';
const elsewhere = '/mnt/elsewhere/copy.sql';
const confirm = ['--confirm', 'ivaap'];
const old = '/opt/packages/ivaap-2026.1/ivaap';

/** Traefik ends, and is not started again until the hold is gone. */
const endIngress = 'touch /run/lab/hold; kill -9 $(cat /run/lab/traefik.pid)';
const startIngress = 'rm -f /run/lab/hold; until curl -s -o /dev/null http://127.0.0.1/; do sleep 0.3; done';

/** Every name of an image of 2026.1 that no container runs. */
const forgetOldImages = 'k3s ctr images list -q | grep ":2026\\.1" | xargs -r k3s ctr images rm --sync';

test('restore of a dump by hand, with its note and without, and of a release whose images are gone', async (t) => {
  await withHost('upgraded-2026.2', 25, async (host) => {
    const chapter = chapters(t, host);
    const run = async (words: readonly string[], code: number, what: string) => {
      const result = await host.ivaap('2026.2', ['restore', ...words], { timeoutMs: 500_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, code, what);
      return result;
    };
    const program = await host.package('2026.2');
    await host.package('2026.1');
    await host.shell(`ln -s ${program} /root/ivaap_pgdump; /root/ivaap_pgdump ${byHand}`);
    const then = await tableChecksums(host);
    const schema = await host.schemaVersion();
    let beforeAll = then;

    await chapter('restore FILE brings back every row of then, and the release stays', async () => {
      await host.wells.add(sampleWells(1030).slice(1020));
      beforeAll = await tableChecksums(host);
      assert.notDeepEqual(beforeAll, then);
      const done = await run([byHand, ...confirm], 0, 'a restore of a file');
      assert.match(done.stdout, /The data of .* 2026\.2 are back/);
      await host.untilHealthy();
      assert.deepEqual(await tableChecksums(host), then);
      await assertImagesOf(host, '2026.2');
    });

    await chapter('copied without its note it has to be said what it is, and that has to be so', async () => {
      await host.wells.add(sampleWells(1040).slice(1030));
      await host.shell(`mkdir -p /mnt/elsewhere; cp ${byHand} ${elsewhere}`);
      const now = await tableChecksums(host);
      const said = ['--dump-version', '2026.2', '--dump-schema'];
      await run([elsewhere, ...confirm], 2, 'a file of which nothing is said');
      await run([elsewhere, ...said, String(schema - 1), ...confirm], 6, 'a file with another schema');
      assert.deepEqual(await tableChecksums(host), now);
      await run([elsewhere, ...said, String(schema), ...confirm], 0, 'a file of which it is said what it is');
      await host.untilHealthy();
      assert.deepEqual(await tableChecksums(host), then);
    });

    await chapter(
      'without the images of the older release nothing is stopped, and the flag is named',
      async () => {
        await host.shell(forgetOldImages, { env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' } });
        const refused = await run(confirm, 6, 'a restore without images');
        assert.match(refused.stderr, /--package/);
        await host.untilHealthy();
        assert.deepEqual(await tableChecksums(host), then);
      },
    );

    await chapter(
      'with its package and a dead ingress the data and the release come back, and it waits',
      async () => {
        await host.shell(endIngress);
        const ended = await run(['--package', old, ...confirm], 6, 'a restore without an ingress');
        assert.match(ended.stderr, /health/);
        await assertImagesOf(host, '2026.1');
        assert.equal(await host.schemaVersion(), 3);
      },
    );

    await chapter('with the ingress the same command ends', async () => {
      await host.shell(startIngress);
      await run(['--package', old, ...confirm], 0, 'the same command again');
      await host.untilHealthy();
      assert.equal((await readState(host)).installed?.version, '2026.1');
      assert.match(await host.wells.checksum(), /^1000 in schema 3,/);
    });

    await chapter(
      'each database that was moved aside is named, and the oldest comes back by its name',
      async () => {
        const { restored } = await readState(host);
        const moved = [...(restored?.earlier ?? []), restored].flatMap((one) => one?.moved ?? []);
        assert.equal(moved.length, 3);
        const { stdout } = await host.ivaap('2026.2', ['status']);
        for (const name of moved) assert.ok(stdout.includes(name), stdout);
        const [oldest = '', , newest = ''] = moved;
        const refused = await run(['--undo', oldest, ...confirm], 5, 'data of another release alone');
        assert.ok(refused.stderr.includes(`restore --undo ${newest}`), refused.stderr);
        await run(['--undo', newest, ...confirm], 0, 'its release first');
        await run(['--undo', oldest, ...confirm], 0, 'then the database');
        await host.untilHealthy();
        await assertImagesOf(host, '2026.2');
        assert.deepEqual(await tableChecksums(host), beforeAll);
      },
    );
  });
});
