import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beside, k3s } from '../beside.ts';
import { assertImagesOf } from '../cluster.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { leftOfRehearsal, production } from '../rehearsal.ts';
import { readState } from '../state.ts';

/**
 * A rehearsal of an upgrade whose migration breaks on one row: found before any downtime. Then one that is
 * killed while its Job runs, one that passes, and the upgrade.
 */

const rehearse = ['install', '--upgrade', '--rehearse'];

/** Kills the run, by the process that holds its lock, as soon as the Job's pod is there. */
const killWithJob = `
  until ${k3s} kubectl get pods -n ivaap -l job-name=ivaap-rehearsal -o name | grep -q .; do sleep 0.2; done
  kill -9 "$(grep -oE '"pid": ?[0-9]+' /opt/ivaap/.installer/lock | grep -oE '[0-9]+')"`;

test('a migration that breaks on a row is found on a copy, and one that passes says how long it takes', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const run = async (words: readonly string[], code: number, what: string) => {
      const result = await host.ivaap('2027.1', words, { timeoutMs: 400_000 });
      t.diagnostic(`${result.stdout}\n${result.stderr}`);
      await assertExit(host, result, code, what);
      return result;
    };
    const nameless = "field = 'Nowhere'";
    await host.sql(
      'INSERT INTO wells (name, field, operator, depth_ft, location) ' +
        "VALUES ('W-nameless', 'Nowhere', '', 5000, '58.1,-3.2')",
    );
    const before = await production(host);
    const { run: last } = await readState(host);

    await chapter('it names the table, exit 6, and production is untouched', async () => {
      const failed = await run(rehearse, 6, 'a rehearsal whose migration breaks');
      assert.match(failed.stderr, /relation "operators" violates check constraint/);
      assert.deepEqual(await production(host), before);
      assert.deepEqual((await readState(host)).run, last);
      assert.equal(await leftOfRehearsal(host), '');
      const dry = await run(['install', '--upgrade', '--dry-run'], 0, 'a dry run afterwards');
      assert.match(dry.stdout, /rehearsed \d+ min ago: it failed/);
    });

    await host.sql(`UPDATE wells SET operator = 'Nobody' WHERE ${nameless}`);
    const mended = await production(host);

    await chapter('killed while its Job runs, the next run removes what it left', async () => {
      await beside(host, killWithJob);
      const killed = await host.ivaap('2027.1', rehearse, { timeoutMs: 400_000 });
      assert.notEqual(killed.code, 0);
      assert.match(await leftOfRehearsal(host), /rehearsal/);
      assert.deepEqual(await production(host), mended);
      const status = await host.ivaap('2027.1', ['status']);
      assert.match(status.stdout, /it failed: [^]*it could not be ended: it was killed/);
    });

    await chapter('one that passes', async () => {
      const done = await run(rehearse, 0, 'a rehearsal that passes');
      assert.match(
        done.stdout,
        /migrates in \d+ s, 3 -> 6, no table lost rows; expect about \d min of downtime/,
      );
      assert.deepEqual(await production(host), mended);
      assert.equal(await leftOfRehearsal(host), '');
      const status = await host.ivaap('2027.1', ['status']);
      assert.match(status.stdout, /verified by restore/);
    });

    await chapter('the upgrade is a fresh run, and tells of it', async () => {
      const done = await run(['install', '--upgrade'], 0, 'the upgrade');
      assert.match(done.stdout, /rehearsed \d+ min ago: migrates in/);
      assert.doesNotMatch(done.stdout, /resum/);
      await assertImagesOf(host, '2027.1');
      assert.equal(await host.schemaVersion(), 6);
    });
  });
});
