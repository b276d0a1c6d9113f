import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertRuns } from '../cluster.ts';
import { tableChecksums } from '../database.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { readState } from '../state.ts';
import { sampleWells } from '../wells.ts';
import { setAutoMigrate } from '../while-helm-works.ts';

/**
 * `restore --chart-only` over an upgrade that has left the schema alone: the release goes back, and no row of
 * after the upgrade is lost. Over one that has moved the schema it is refused.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const edit = 'progressDeadlineSeconds: 700';
const chartOnly = ['--chart-only', '--confirm', 'ivaap'];

test('the release goes back without its data, where the schema has not moved', async (t) => {
  await withHost('installed-2026.1', 25, async (host) => {
    const chapter = chapters(t, host);
    const run = async (words: readonly string[], code: number, what: string) => {
      const result = await host.ivaap('2026.2', words, { timeoutMs: 400_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, code, what);
      return result;
    };
    const restore = (words: readonly string[], code: number, what: string) =>
      run(['restore', ...words], code, what);
    /** The release that answers, and the units that the operator chose for it. */
    const backend = async () => (await host.http('GET', '/backend/health')).body;
    /** All rows, in the very databases that there are: each has a number for life. */
    const data = async () => ({
      tables: await tableChecksums(host),
      databases: await host.sql('SELECT oid, datname FROM pg_database ORDER BY oid'),
    });
    const values = () => host.readFile(valuesFile);
    const pods = async () => (await host.kubectl('get', 'pods', '-n', 'ivaap', '-o', 'name')).stdout;
    await host.shell(setAutoMigrate('false'));
    const then = { values: await values(), backend: await backend() };
    let edited = '';
    let now = await data();

    await chapter('2026.2 runs on the schema of 2026.1, and takes wells', async () => {
      await run(['install', '--upgrade'], 0, 'an upgrade without migration');
      await assertRuns(host, '2026.2');
      await host.wells.add(sampleWells(1020).slice(1000));
      await host.shell(`echo '${edit}' >> ${valuesFile}`);
      edited = await values();
      now = await data();
      assert.match(await host.wells.checksum(), /^1020 in schema 3,/);
    });

    await chapter('it brings 2026.1 back; every row of now is there, and so is the edited file', async () => {
      const wells = await host.wells.checksum();
      const done = await restore(chartOnly, 0, 'restore --chart-only');
      assert.match(done.stdout, /every object is as it was then/);
      assert.match(done.stdout, /2026\.1 is back: nothing was done to the database\./);
      assert.match(done.stdout + done.stderr, /Other values there: progressDeadlineSeconds/);
      await assertRuns(host, '2026.1');
      assert.deepEqual(await data(), now);
      assert.equal(await host.wells.checksum(), wells);
      assert.equal(await backend(), then.backend);
      assert.equal(await values(), then.values);
      const kept = /values +(\S+) is your file from before/.exec(done.stdout)?.[1] ?? 'no file is named';
      assert.equal(await host.readFile(kept), edited);
      const { restored } = await readState(host);
      assert.deepEqual([restored?.chartOnly, restored?.moved, restored?.dump], [true, null, null]);
    });

    await chapter('typed again there is nothing to do', async () => {
      const was = await pods();
      const again = await restore(chartOnly, 10, 'the same again');
      assert.match(again.stderr, /2026\.1 was brought back \S+ without its data, and no upgrade has changed/);
      assert.equal(await pods(), was);
    });

    await chapter('--undo brings 2026.2 back with the edited file, and once more', async () => {
      await host.wells.add(sampleWells(1030).slice(1020));
      now = await data();
      await restore(['--undo', '--confirm', 'ivaap'], 0, 'restore --undo');
      await assertRuns(host, '2026.2');
      assert.equal(await values(), edited);
      assert.deepEqual(await data(), now);
      await restore(chartOnly, 0, 'restore --chart-only once more');
      await assertRuns(host, '2026.1');
      assert.equal(await values(), then.values);
      assert.deepEqual(await data(), now);
      assert.match(await host.wells.checksum(), /^1030 in schema 3,/);
    });

    await chapter(
      'over an upgrade that has moved the schema it is refused, and nothing changes',
      async () => {
        await host.shell(setAutoMigrate('true'));
        await run(['install', '--upgrade'], 0, 'an upgrade with migration');
        await assertRuns(host, '2026.2');
        assert.match(await host.wells.checksum(), /^1030 in schema 5,/);
        const was = { data: await data(), pods: await pods(), values: await values() };
        const refused = await restore(chartOnly, 5, 'restore --chart-only over a migration');
        assert.match(refused.stderr, /2026\.1 cannot come back without the data of then/);
        assert.match(refused.stderr, /schema has moved from version 3 to 5.*Nothing was changed/);
        assert.match(refused.stderr, /to bring the data of then back as well: .* restore --confirm ivaap$/m);
        assert.deepEqual({ data: await data(), pods: await pods(), values: await values() }, was);
        await assertRuns(host, '2026.2');
      },
    );
  });
});
