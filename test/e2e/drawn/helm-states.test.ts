import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHelmJournal } from '../../../src/host/helm-process.ts';
import { helmHistory } from '../cluster.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import { deleteRecords, editRecord, secretName, withStatus } from '../helm-records.ts';
import type { TestHost } from '../host.ts';
import { readState } from '../state.ts';

/**
 * Every state in which Helm's records can be found, on one host: what the executable does about it, and that
 * it ends healthy with all wells.
 */

const upgrade = ['install', '--upgrade'];
const reapply = [...upgrade, '--reapply', '--yes'];
const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const edit = (host: TestHost, path: string) =>
  host.shell(`sed -i -E 's|(readinessPath:).*|\\1 ${path}|' ${valuesFile}`);

const last = async (host: TestHost) => {
  const found = (await helmHistory(host)).at(-1);
  assert.ok(found);
  return found;
};

/** Process of `ivaap` and of its Helm, once Helm is at work and its revision is there. */
async function helmAtWork(host: TestHost): Promise<{ ivaap: number; helm: number }> {
  const before = (await last(host)).revision;
  return host.until('Helm works on a new revision', 120, async () => {
    const state = await readState(host);
    const { process } = readHelmJournal(state.helm);
    if (state.run?.steps['upgrade_helm']?.place !== 'helm-at-work' || process === undefined) return undefined;
    if ((await last(host)).revision === before) return undefined;
    const lock = JSON.parse(await host.readFile('/opt/ivaap/.installer/lock')) as { pid: number };
    return { ivaap: lock.pid, helm: process.pid };
  });
}

async function assertHealthy(host: TestHost): Promise<void> {
  await host.untilHealthy();
  assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
  const { status, version } = await last(host);
  assert.deepEqual([status, version], ['deployed', '2026.2']);
}

async function assertRefused(host: TestHost, argv: readonly string[], message: RegExp): Promise<void> {
  const result = await host.ivaap('2026.2', argv);
  await assertExit(host, result, 3, `an upgrade that is to be refused with ${message}`);
  assert.match(result.stderr, message);
  assert.match(result.stderr, /^try: /m);
}

async function assertGoesOn(
  host: TestHost,
  what: string,
  argv: readonly string[] = reapply,
): Promise<string> {
  const result = await host.ivaap('2026.2', argv);
  await assertExit(host, result, 0, what);
  await assertHealthy(host);
  return result.stdout + result.stderr;
}

/** The record was saved in the newest snapshot, readable by root only, before it went. */
async function assertSaved(host: TestHost, revision: number, status: string): Promise<void> {
  const { snapshot } = (await readState(host)).derived as { snapshot: { folder: string } };
  const path = `${snapshot.folder}/${secretName(revision)}.json`;
  assert.equal((await host.shell(`stat -c %a ${path}`)).stdout.trim(), '600');
  const saved = JSON.parse(await host.readFile(path)) as { metadata: { labels: Record<string, string> } };
  assert.equal(saved.metadata.labels['status'], status);
}

test('the table of Helm states, one after the other on one host', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);

    await chapter('fields that an operator took from Helm are found before anything is touched', async () => {
      await host.kubectl('scale', 'deployment/backend', '-n', 'ivaap', '--replicas=2');
      const patch = '[{"op":"replace","path":"/spec/template/spec/terminationGracePeriodSeconds","value":7}]';
      await host.kubectl(
        'patch',
        'deployment/dashboard',
        '-n',
        'ivaap',
        '--field-manager=kubectl-edit',
        '--type=json',
        '-p',
        patch,
      );
      const result = await host.ivaap('2026.2', upgrade);
      await assertExit(host, result, 3, 'an upgrade over fields that others have');
      assert.match(
        result.stderr,
        /Deployment\/backend \.spec\.replicas: 2 by kubectl \(scale\), 1 in the chart/,
      );
      assert.match(
        result.stderr,
        /Deployment\/dashboard \.spec\.template\.spec\.terminationGracePeriodSeconds: 7 by kubectl-edit, 5 in/,
      );
      assert.match(result.stderr, /--force-conflicts/);
      assert.deepEqual(await helmHistory(host), [{ revision: 1, status: 'deployed', version: '2026.1' }]);
    });

    await chapter(
      'a Helm that outlived its ivaap is waited for, and what it did is not done twice',
      async () => {
        const run = host.ivaap('2026.2', [...upgrade, '--force-conflicts']);
        const { ivaap, helm } = await helmAtWork(host);
        // Held still, so that it lives on until the next run has met it, on a slow machine too.
        await host.shell(`kill -STOP ${helm}; kill -9 ${ivaap}`);
        assert.notEqual((await run).code, 0);
        await host.shell(
          `setsid --fork sh -c 'sleep 20; kill -CONT ${helm}' ` +
            `>/dev/null 2>&1 </dev/null; test -d /proc/${helm}`,
        );
        const said = await assertGoesOn(host, 'the same command while the orphaned Helm works', [
          ...upgrade,
          '--force-conflicts',
        ]);
        assert.match(said, /has died, but its helm upgrade ivaap .* waiting for it until \d\d:\d\d:\d\d UTC/);
        assert.equal((await last(host)).revision, 2, 'Helm ran once');
        const { stdout } = await host.kubectl(
          'get',
          'deployment/backend',
          '-n',
          'ivaap',
          '-o',
          'jsonpath={.spec.replicas}',
        );
        assert.equal(stdout, '1', 'the field is Helm’s again');
      },
    );

    await chapter(
      'pending-upgrade: helm alone is killed; its record is saved and deleted, and the upgrade resumes',
      async () => {
        await edit(host, '/backend/nowhere');
        const run = host.ivaap('2026.2', reapply);
        const { helm } = await helmAtWork(host);
        await host.shell(`kill -9 ${helm}`);
        const killed = await run;
        await assertExit(host, killed, 6, 'an upgrade whose Helm is killed');
        assert.match(killed.stderr, /pending-upgrade/);
        await edit(host, '/backend/ready');
        const { revision } = await last(host);
        const said = await assertGoesOn(host, 'the same command', upgrade);
        assert.match(said, new RegExp(`revision ${revision} \\(pending-upgrade\\) did not finish`));
        await assertSaved(host, revision, 'pending-upgrade');
      },
    );

    await chapter(
      'uninstalling, uninstalled, another chart and a record of another machine stop it',
      async () => {
        const { revision } = await last(host);
        for (const status of ['uninstalling', 'uninstalled']) {
          await editRecord(host, revision, withStatus(status));
          await assertRefused(host, reapply, new RegExp(`is ${status} \\(revision ${revision}\\)`));
        }
        await editRecord(host, revision, (release) => {
          release.info.status = 'deployed';
          release.chart.metadata.name = 'elsewhere';
        });
        await assertRefused(host, reapply, /of the chart elsewhere-/);
        await editRecord(host, revision, (release) => {
          release.chart.metadata.name = 'IVAAPHelmTemplate';
          release.info.status = 'deployed';
        });
        const young = (release: { info: { status: string; last_deployed: string } }) => {
          release.info.status = 'pending-upgrade';
          release.info.last_deployed = new Date().toISOString();
        };
        await editRecord(host, revision, young, revision + 5);
        await assertRefused(host, reapply, /may be running on another machine until/);
        await deleteRecords(host, [revision + 5]);
      },
    );

    await chapter(
      'pending-rollback: the revision to which it went stays, and the upgrade resumes',
      async () => {
        const { revision } = await last(host);
        await editRecord(host, revision, withStatus('failed'), revision + 1);
        await editRecord(host, revision, withStatus('pending-rollback'), revision + 2);
        await assertGoesOn(host, 'an upgrade after a rollback that was cut off');
        await assertSaved(host, revision + 2, 'pending-rollback');
        const statuses = (await helmHistory(host)).filter((one) => one.revision >= revision);
        assert.deepEqual(
          statuses.map(({ status }) => status),
          ['superseded', 'failed', 'deployed'],
        );
      },
    );

    await chapter(
      'superseded-only at the limit of the history: the one to roll back to is not removed',
      async () => {
        const { revision } = await last(host);
        await editRecord(host, revision, withStatus('superseded'));
        for (let more = 1; more <= 10; more += 1)
          await editRecord(host, revision, withStatus('failed'), revision + more);
        await assertGoesOn(host, 'an upgrade with a full history and nothing deployed');
        const kept = await helmHistory(host);
        assert.ok(
          kept.some((one) => one.revision === revision),
          JSON.stringify(kept),
        );
      },
    );

    await chapter('pending-install as the only record: its objects are taken as they are', async () => {
      const history = await helmHistory(host);
      const { revision } = await last(host);
      await editRecord(host, revision, withStatus('pending-install'));
      await deleteRecords(
        host,
        history.map((one) => one.revision).filter((one) => one !== revision),
      );
      await assertGoesOn(host, 'an upgrade over an install that was cut off');
      await assertSaved(host, revision, 'pending-install');
    });

    await chapter('no record at all stops it', async () => {
      await deleteRecords(host, [(await last(host)).revision]);
      await assertRefused(host, reapply, /it is missing, although the state says that it is installed/);
    });
  });
});
