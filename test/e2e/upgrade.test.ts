import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventSchema } from '../../src/engine/events.ts';
import { assertImagesOf, helmHistory, volumeIdentity } from './cluster.ts';
import { checksumsOfDump, tableChecksums } from './database.ts';
import { differences, fingerprint } from './fingerprint.ts';
import { assertExit, chapters, withHost } from './harness.ts';
import { readState } from './state.ts';
import { migratedWell, sampleWells, withoutIds } from './wells.ts';

/**
 * The guide's whole way: refresh the archives on disk with the new package, upgrade, verify, and type it once
 * more.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';

test('a host with 2026.1 and 1,000 wells is refreshed and upgraded to 2026.2', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const wells = sampleWells(1000);
    const before = {
      tables: await tableChecksums(host),
      values: await host.readFile(valuesFile),
      volume: await volumeIdentity(host),
      helm: await helmHistory(host),
      chart: await host.readFile('/opt/ivaap/IVAAPHelmTemplate/Chart.yaml'),
    };

    await chapter('the page’s refresh commands put the new archives in place', async () => {
      for (const name of ['docker-images.tar.gz', 'connectors/witsml.tar.gz']) {
        const result = await host.ivaap('2026.2', ['extract-file', name, `/opt/ivaap/${name}`]);
        await assertExit(host, result, 0, `extract-file ${name}`);
      }
      const summary = await host.ivaap('2026.2', ['manifest', '--summary']);
      await assertExit(host, summary, 0, 'manifest --summary');
      assert.match(summary.stdout, /docker-images\.tar\.gz.*matches \(contents not read\)/);
    });

    await chapter('install --upgrade succeeds and says what changed and where the backup is', async () => {
      const running = host.ivaap('2026.2', ['install', '--upgrade']);
      await host.until('the upgrade is running', 120, async () =>
        (await readState(host)).run?.to === '2026.2' ? true : undefined,
      );
      const second = await host.ivaap('2026.2', ['install', '--upgrade']);
      const watching = host.ivaap('2026.2', ['status', '--watch']);
      const result = await running;
      const watched = await watching;
      await assertExit(host, second, 9, 'a second run beside the first');
      assert.match(second.stderr, /install --upgrade[^]*^try: .* status --watch$/m);
      await assertExit(host, result, 0, 'install --upgrade');
      await assertExit(host, watched, 0, 'status --watch');
      assert.match(
        watched.stdout,
        /watching "install --upgrade"[^]*scan: done[^]*upgrade_helm: done[^]*has ended: completed, exit code 0\n$/,
      );
      t.diagnostic(result.stdout.split('\n').slice(-25).join('\n'));
      const said = result.stdout + result.stderr;
      assert.match(said, /2026\.2/);
      assert.match(said, /\/opt\/ivaap\/\.installer\/backups\//);
      await host.untilHealthy();
    });

    await chapter('the run log holds what the programs said, and ends with the result', async () => {
      const { stdout } = await host.shell(
        'cd /opt/ivaap/.installer/logs; stat -c %a *-upgrade.jsonl; cat *-upgrade.jsonl',
      );
      const [mode, ...lines] = stdout.trimEnd().split('\n');
      assert.equal(mode, '600');
      const entries = lines.map((line) => JSON.parse(line) as { type: string; [field: string]: unknown });
      assert.partialDeepStrictEqual(entries[0], { type: 'LOG', by: 'olga' });
      assert.partialDeepStrictEqual(entries.at(-1), { type: 'RESULT', status: 'completed', exitCode: 0 });
      for (const entry of entries.slice(1, -1)) eventSchema.parse(entry);
      const ended = entries.filter(({ type, step }) => type === 'program.ended' && step === 'upgrade_helm');
      assert.ok(ended.some(({ argv }) => String(argv).includes('/helm,upgrade,')));
      const saved = entries.filter(
        ({ type, program }) => type === 'step.log' && program === 'k3s ctr images import',
      );
      assert.ok(saved.some(({ line }) => String(line).includes('saved')));
    });

    await chapter('all wells are there and migrated', async () => {
      const { schema, count, wells: found } = await host.wells.list();
      assert.equal(schema, 5);
      assert.equal(count, wells.length);
      assert.deepEqual(withoutIds(found), wells.map(migratedWell));
    });

    await chapter('the operator’s units survive the key that was renamed', async () => {
      const { body } = await host.http('GET', '/backend/health');
      assert.equal((JSON.parse(body) as { unitSystem: string }).unitSystem, 'field');
      const status = await host.ivaap('2026.2', ['status']);
      assert.match(status.stdout, /values\.overlay\.yaml|backend-unit-system/);
    });

    await chapter('values file, volume and claim are the same; pods run the images of 2026.2', async () => {
      assert.equal(await host.readFile(valuesFile), before.values);
      assert.equal(await volumeIdentity(host), before.volume);
      await assertImagesOf(host, '2026.2');
      const history = await helmHistory(host);
      assert.deepEqual(history.at(-1)?.status, 'deployed');
      assert.equal(history.at(-1)?.version, '2026.2');
    });

    await chapter('the dump restores into an empty database with the rows from before', async () => {
      const { path, sha256 } = await pgDump(host);
      const { stdout } = await host.shell(`sha256sum ${path}; stat -c '%a %U' ${path} "$(dirname ${path})"`);
      assert.match(stdout, new RegExp(`^${sha256} `));
      assert.match(stdout, /^600 root\n500 root$/m);
      assert.deepEqual(await checksumsOfDump(host, path), before.tables);
    });

    await chapter('snapshot and old chart are complete, and the derived keys point to them', async () => {
      const text = JSON.stringify((await readState(host)).derived);
      const paths = [...text.matchAll(/"(\/opt\/ivaap\/[^"]+)"/g)].map((match) => match[1] as string);
      const files = (
        await host.shell(
          `for p in ${paths.join(' ')}; do [ -e "$p" ] && find "$p" || echo "MISSING $p"; done`,
        )
      ).stdout;
      assert.doesNotMatch(files, /MISSING/);
      for (const wanted of [
        /state\.json$/m,
        /ivaap\.values\.yaml$/m,
        /helm.*values|values.*helm/im,
        /history/im,
        /secret/im,
      ]) {
        assert.match(
          files,
          wanted,
          'the snapshot holds state, values file, Helm values, history and the release Secret',
        );
      }
      const charts = files.split('\n').filter((file) => file.endsWith('/Chart.yaml'));
      const old = await Promise.all(charts.map((chart) => host.readFile(chart)));
      assert.ok(old.includes(before.chart), `the chart of 2026.1 is kept: ${charts.join(' ')}`);
    });

    await chapter('status and manifest --summary agree that 2026.2 is there', async () => {
      const status = await host.ivaap('2026.2', ['status']);
      await assertExit(host, status, 0, 'status');
      assert.match(status.stdout, /2026\.2/);
      assert.doesNotMatch(status.stdout, /failed|no answer/i);
      const summary = await host.ivaap('2026.2', ['manifest', '--summary']);
      await assertExit(host, summary, 0, 'manifest --summary');
      const elsewhere = summary.stdout
        .split('\n')
        .filter((line) => /^\S+ .*(missing|different)\s*$/.test(line));
      assert.ok(
        elsewhere.every((line) => line.includes('ppdm')),
        `only the connector without entitlement is not there:\n${summary.stdout}`,
      );
    });

    await chapter('the same command again has nothing to do and changes nothing', async () => {
      const was = await fingerprint(host);
      const result = await host.ivaap('2026.2', ['install', '--upgrade']);
      await assertExit(host, result, 10, 'a second install --upgrade');
      assert.match(result.stderr, /--reapply/);
      assert.equal(differences(was, await fingerprint(host)), '');
    });

    await chapter('--reapply --yes makes a new dump and snapshot next to the anchors', async () => {
      const earlier = await pgDump(host);
      const result = await host.ivaap('2026.2', ['install', '--upgrade', '--reapply', '--yes']);
      await assertExit(host, result, 0, '--reapply --yes');
      const fresh = await pgDump(host);
      assert.notEqual(fresh.folder, earlier.folder);
      const folders = await host.shell(
        `test -e ${earlier.path}; sha256sum ${earlier.path}; ls ${fresh.folder}`,
      );
      assert.match(folders.stdout, new RegExp(`^${earlier.sha256} `));
      assert.match(folders.stdout, /state\.json/);
      assert.deepEqual(await checksumsOfDump(host, fresh.path), await tableChecksums(host));
      await host.untilHealthy();
    });
  });
});

async function pgDump(host: Parameters<typeof readState>[0]) {
  const { pgDump: dump } = (await readState(host)).derived;
  return dump as { folder: string; path: string; sha256: string };
}
