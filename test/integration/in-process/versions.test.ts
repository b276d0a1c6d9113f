import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { dumpDatabase } from '../../../src/queries/database-dump.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { newerInstalledThan } from '../../../src/queries/host-images.ts';
import { sameVersion } from '../../../src/version.ts';
import { statusLines } from '../../../src/ui/status-text.ts';
import { failingHelm, signalAt } from '../../fixtures/in-process-host/faults.ts';
import { packRecord, unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import {
  type Flow,
  type Invocation,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { namespace } from '../../fixtures/in-process-host/product.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

/**
 * A product's releases are compared by value, whichever of its texts a version was recorded as; what another
 * scheme has recorded is not compared at all.
 */

/** Of an image: the release that brought it. */
const mark = 'tiny.installer/release';

const schemes = {
  semver: { first: '2.2.0', second: '2.4.0', between: '2.3.0', otherText: (text: string) => `${text}+5` },
  calver: {
    first: '2026.1',
    second: '2026.2',
    between: '2026.1.5',
    otherText: (text: string) => `${text}.0`,
  },
} as const;

for (const [scheme, { first, second, between, otherText }] of Object.entries(schemes)) {
  describe(`a product that counts by ${scheme}`, () => {
    let host: SimulatedHost;
    let empty: World;
    let installed: World;
    const start = (versions: object) =>
      SimulatedHost.start(
        {},
        { versions: { ...tinyProduct.versions, scheme, minimumSource: first, ...versions } },
        [first, second],
      );
    before(async () => {
      host = await start({});
      empty = host.copy();
      ended(await host.run('install'));
      installed = host.copy();
    });
    after(() => host.close());
    beforeEach(() => host.become(installed));

    /** The process that held the lock is this one, and lives. */
    const asked = () => {
      rmSync(join(host.folder, '.installer/lock'), { force: true });
      return host.status('upgrade');
    };
    const stateFile = () => join(host.folder, '.installer/state.json');
    const chartFile = () => join(host.folder, 'TinyChart/Chart.yaml');

    /** Every version on the host as its other text: state, chart on disk, Helm's records, marks of images. */
    function rewriteVersions(): void {
      const rewrite = (text: string) =>
        [first, second].reduce((all, one) => all.replaceAll(`"${one}"`, `"${otherText(one)}"`), text);
      for (const path of [stateFile(), chartFile()]) writeFileSync(path, rewrite(readFileSync(path, 'utf8')));
      for (const secret of host.cluster.list('Secret', namespace, 'owner=helm')) {
        const record = unpackRecord((secret.data as { release: string }).release);
        const appVersion = [first, second].includes(record.appVersion as never)
          ? otherText(record.appVersion)
          : record.appVersion;
        host.cluster.apply({ ...secret, data: { release: packRecord({ ...record, appVersion }, 'tiny') } });
      }
      for (const { labels } of Object.values(host.cluster.state.images))
        if (labels[mark] !== undefined) labels[mark] = otherText(labels[mark]);
      assert.ok(readFileSync(stateFile(), 'utf8').includes(`"${otherText(first)}"`));
    }

    it('records how it counts, unless that is the usual way', () => {
      const { versionScheme, installed: now } = host.state()!;
      assert.deepEqual([versionScheme, now?.version], [scheme === 'calver' ? undefined : scheme, first]);
    });

    it('is upgraded, and there is nothing to do then, whatever text its versions were recorded as', async () => {
      rewriteVersions();
      const { upgrade } = await asked();
      assert.deepEqual([upgrade.may, upgrade.installed], ['yes', true], upgrade.why.join('; '));
      assert.equal((await host.run('install')).exitCode, 3);
      const done = ended(await host.run('upgrade'));
      assert.match(done.result!.lines[0]!, new RegExp(`${first}(\\.0|\\+5)? -> ${second}`));
      assert.equal(host.state()?.installed?.version, second);
      // The way back: kubelet must not collect them.
      const kept = host.cluster.state.images[`registry.example/tiny/server:${first}`]?.labels;
      assert.deepEqual([kept?.['io.cri-containerd.pinned'], kept?.[mark]], ['pinned', otherText(first)]);
      rewriteVersions();
      const again = await host.run('upgrade');
      assert.equal(again.exitCode, 10, String(again.error));
      const { upgrade: now } = await asked();
      assert.deepEqual([now.may, now.healthy], ['no', true], now.why.join('; '));
      assert.match(now.why.join(), /already installed from this payload/);
    });

    it('resumes an upgrade that failed, with one way back, and goes back over it', async () => {
      const failing = failingHelm(
        () => host,
        () => (host.cluster.state.database.schema = 2),
      );
      assert.equal((await host.run('upgrade', failing)).exitCode, 8);
      rewriteVersions();
      const begun = host.state()!.run!;
      ended(await host.run('upgrade'));
      const { run, anchors, installed: now } = host.state()!;
      assert.deepEqual([run?.id, now?.version], [begun.id, second]);
      assert.deepEqual(Object.keys(anchors), [otherText(first)]);
      assert.equal(anchors[otherText(first)]?.earlier, undefined);
      assert.equal(run?.pointOfNoReturn?.versions?.length, 1);
      rewriteVersions();
      ended(await host.run('restore'));
      assert.ok(sameVersion(host.state()?.installed?.version ?? '', first));
      assert.equal(host.cluster.state.database.schema, 1);
    });

    it('has its state made again from such records, with one text', async () => {
      ended(await host.run('upgrade'));
      rewriteVersions();
      writeFileSync(stateFile(), '{');
      ended(await host.repair('upgrade'));
      const { versionScheme, installed: now, history } = host.state()!;
      assert.deepEqual([versionScheme, now?.version], [scheme === 'calver' ? undefined : scheme, second]);
      assert.ok(history.length > 0);
      assert.equal((await host.run('upgrade', undefined, { reapply: true })).exitCode, 0);
    });

    it('is undone, removed, and installed over the data that were kept', async () => {
      rewriteVersions();
      ended(await host.run('uninstall', undefined, { keepData: true }));
      const path = join(host.root, 'storage.kept.json');
      const kept = JSON.parse(readFileSync(path, 'utf8'));
      assert.equal(kept.versionScheme, scheme === 'calver' ? undefined : scheme);
      writeFileSync(path, JSON.stringify({ ...kept, version: otherText(first), schemaVersion: null }));
      ended(await host.run('install'));

      host.become(empty);
      const stopped = await host.run('install', signalAt('health_server:running', 'SIGINT').watch);
      assert.equal(stopped.exitCode, 130, String(stopped.error));
      rewriteVersions();
      ended(await host.run('rollback', undefined, { step: 'namespace', acceptDataLoss: true }));
    });

    it('refuses a state that counts otherwise, changes nothing, and says so in status', async () => {
      const state = { ...host.state()!, versionScheme: scheme === 'calver' ? 'semver' : undefined };
      writeFileSync(stateFile(), JSON.stringify(state));
      const before = everything(host);
      const flows: Flow[] = ['install', 'upgrade', 'rollback', 'restore', 'uninstall'];
      const runs = [
        ...flows.map((flow) => () => host.run(flow, undefined, { step: 'namespace' })),
        () => host.repair('upgrade'),
      ];
      for (const run of runs) {
        const { exitCode, error } = await run();
        assert.ok(error instanceof IvaapError, String(error));
        assert.equal(exitCode, 5, error.message);
        const other = scheme === 'calver' ? 'semver' : 'calver';
        assert.match(error.message, new RegExp(`records ${first}, and has versions .*\\(${other}\\); this`));
        assert.match(error.message, new RegExp(`\\(${scheme}\\), and the two cannot be compared`));
        assert.match(error.hint ?? '', /^the program that wrote it: .* status$/);
      }
      assert.deepEqual(everything(host), before);
      const report = await asked();
      assert.deepEqual([report.upgrade.may, report.state.known], ['no', false]);
      assert.match(report.upgrade.hint ?? '', /^the program that wrote it: /);
      assert.match(statusLines(report).join('\n'), /the two cannot be compared/);
    });

    it('is not called newer than a file of another scheme, though its version is one of both', async () => {
      const payload = await openPayload(host.machine('upgrade').executable);
      const state = host.state()!;
      const recorded = (versionScheme: string | undefined) => {
        const now = { ...state.installed, version: '2026.9.9' };
        writeFileSync(stateFile(), JSON.stringify({ ...state, versionScheme, installed: now }));
        return newerInstalledThan(payload);
      };
      assert.equal(await recorded(state.versionScheme), '2026.9.9');
      assert.equal(await recorded(scheme === 'calver' ? 'semver' : undefined), undefined);
      await payload.close();
    });

    it('does not use kept data of another scheme', async () => {
      ended(await host.run('uninstall', undefined, { keepData: true }));
      const path = join(host.root, 'storage.kept.json');
      const kept = JSON.parse(readFileSync(path, 'utf8'));
      const other = scheme === 'calver' ? 'semver' : undefined;
      writeFileSync(path, JSON.stringify({ ...kept, versionScheme: other }));
      const { exitCode, error } = await host.run('install');
      assert.equal(exitCode, 5, String(error));
      assert.match(String(error), /were written by .*, and the two cannot be compared/);
    });

    describe('with a release that no upgrade passes over', () => {
      before(async () => {
        host.close();
        host = await start({ requiredReleases: [between] });
        empty = host.copy();
        ended(await host.run('install'));
        installed = host.copy();
      });

      it('names it, whatever is accepted, and changes nothing', async () => {
        const before = everything(host);
        for (const options of [{}, { dryRun: true }, { acceptUnsupported: true, reapply: true }]) {
          const { exitCode, error } = await host.run('upgrade', undefined, options);
          assert.equal(exitCode, 5, String(error));
          assert.ok(error instanceof IvaapError);
          assert.match(
            error.message,
            new RegExp(`passes over ${between}, which has to be installed in between`),
          );
          assert.match(
            error.hint ?? '',
            new RegExp(`^upgrade to ${between} first, .*then: ./tiny install --upgrade`),
          );
        }
        assert.deepEqual(everything(host), before);
        const { upgrade } = await asked();
        assert.deepEqual([upgrade.may, upgrade.why.length > 0], ['no', true]);
        assert.match(upgrade.hint ?? '', new RegExp(`^upgrade to ${between} first`));
      });

      it('nor are data from before it restored under a newer one', async () => {
        const folder = join(host.root, 'elsewhere');
        const file = join(folder, 'old.sql');
        mkdirSync(folder, { mode: 0o700 });
        ended(
          await host.command('restore', ['pgdump'], async (ports) => {
            await dumpDatabase({ file }, ports);
            return { lines: [], data: {} };
          }),
        );
        const [dump, note] = [readFileSync(file), readFileSync(`${file}.json`, 'utf8')];
        host.become(empty);
        ended(await host.run('install', undefined, {}, { file: 'upgrade' }));
        mkdirSync(folder, { mode: 0o700, recursive: true });
        writeFileSync(file, dump, { mode: 0o600 });
        const before = everything(host);
        const refused = async (code: number, message: RegExp, options: object = {}) => {
          const { exitCode, error } = await host.run('restore', undefined, { backup: file, ...options });
          assert.equal(exitCode, code, String(error));
          assert.match(causeChain(error).join(': '), message);
          assert.deepEqual(everything(host), before);
        };
        const other = scheme === 'calver' ? '2.2.0' : '2026.1';
        await refused(2, /--dump-version is .*, which is not a version of the form/, {
          dumpVersion: other,
          dumpSchema: 1,
        });
        writeFileSync(`${file}.json`, note, { mode: 0o600 });
        await refused(5, new RegExp(`is a dump of ${first}, and ${second} passes over ${between}, which`));
        writeFileSync(`${file}.json`, note.replace(`"${first}"`, `"${between}"`), { mode: 0o600 });
        ended(await host.run('restore', undefined, { backup: file, dryRun: true }));
      });

      it('nor does an install over data that were kept', async () => {
        ended(await host.run('uninstall', undefined, { keepData: true }));
        const { exitCode, error } = await host.run('install', undefined, {}, { file: 'upgrade' });
        assert.equal(exitCode, 5, String(error));
        assert.match(
          String(error),
          new RegExp(`passes over ${between}, which has to be installed in between`),
        );
        ended(await host.run('install'));
      });
    });
  });
}

/** The same invocation, which has to have ended well. */
function ended(invocation: Invocation): Invocation {
  const { exitCode, error } = invocation;
  assert.equal(exitCode, 0, error instanceof IvaapError ? `${error.message}; ${error.hint}` : String(error));
  return invocation;
}

/** The product's files with their contents, without lock, logs and the scan's receipt, and the cluster. */
const everything = (host: SimulatedHost) => ({
  files: readdirSync(host.folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => !['lock', 'scan-receipt.json'].includes(entry.name) && !entry.parentPath.includes('/logs'),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => `${path} ${lstatSync(path).isFile() ? readFileSync(path, 'latin1') : ''}`),
  cluster: JSON.stringify(host.cluster.state),
});
