import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { guideLines } from '../fixtures/guide-names.ts';
import { licenseText } from './golden.ts';
import { assertExit, chapters, withHost } from './harness.ts';
import { fqdn, operatorEnvironment, type TestHost } from './host.ts';
import { readState } from './state.ts';

/**
 * Every command line of the operators' guide "Upgrade With IVAAP Binary", in its order, typed as it is
 * printed, by one operator on one host; what each prints is kept here as patterns.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
const licenseFile = '/root/license.json';
const old = '2026.1';
const target = '2026.2';

interface Typed {
  /** As the guide prints it. */
  line: string;
  exit: number;
  /** What stdout and stderr say. */
  says: readonly RegExp[];
}

/** Types a line in the folder of a package, as a person whose PATH has /usr/local/bin. */
async function type(host: TestHost, version: string, { line, exit, says }: Typed): Promise<string> {
  const folder = dirname(await host.package(version));
  const result = await host.run(['bash', '-c', `cd ${folder} && ${line}`], {
    env: { ...operatorEnvironment, PATH: `/usr/local/bin:${operatorEnvironment.PATH}` },
    timeoutMs: 400_000,
  });
  await assertExit(host, result, exit, line);
  const said = result.stdout + result.stderr;
  for (const pattern of says) assert.match(said, pattern, line);
  return said;
}

const setAutoMigrate = (host: TestHost, flag: string) =>
  host.shell(`sed -i -E "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 '${flag}'|" ${valuesFile}`);

test('every command line of the guide, in its order, does what the guide says', async (t) => {
  await withHost('installed-2026.1', 40, async (host) => {
    const chapter = chapters(t, host);
    const typed: string[] = [];
    const types = (version: string, one: Typed) => {
      typed.push(one.line);
      return type(host, version, one);
    };
    const inNew = (line: string, exit: number, ...says: RegExp[]) => types(target, { line, exit, says });

    await chapter('prerequisites: the installed release is on PATH and complete', async () => {
      await host.writeFile(licenseFile, licenseText, '0600');
      await types(old, { line: './ivaap activate --copy', exit: 0, says: [/\bki\b/, /ivaap_pgdump/] });
      await inNew('ivaap status', 0, /2026\.1/, /complete/i);
      await inNew('ivaap -v', 0, /^ivaap 2026\.1$/m);
      const notes = await inNew(
        './ivaap manifest --summary',
        0,
        /Release notes \(newer than the installed 2026\.1\)/,
      );
      assert.match(notes, /backend\.units -> backend\.unitSystem/);
      assert.match(notes, /one-way migration/);
      await inNew('./ivaap license-check', 0, /IVAAP_CONNECTOR_WITSML/);
    });

    await chapter('the dry run plans the upgrade, and changes nothing', async () => {
      const plan = await inNew(
        './ivaap install --upgrade --dry-run',
        0,
        /upgrade_preflight/,
        /upgrade_health_admin/,
      );
      assert.match(plan, /Release notes\n +2026\.2/);
      assert.equal((await readState(host)).installed?.version, old);
    });

    await chapter('flags that exclude --upgrade are refused', async () => {
      await inNew('./ivaap install --upgrade --resume', 2, /--resume/);
      await inNew('./ivaap install --upgrade --rollback-to postgres', 2, /--rollback-to/);
    });

    await chapter('refresh the payload files', async () => {
      await inNew('ivaap manifest --summary', 0, /docker-images\.tar\.gz/);
      await inNew(
        './ivaap extract-file docker-images.tar.gz /opt/ivaap/docker-images.tar.gz',
        0,
        /docker-images\.tar\.gz/,
      );
      await inNew(
        './ivaap extract-file connectors/witsml.tar.gz /opt/ivaap/connectors/witsml.tar.gz',
        0,
        /witsml\.tar\.gz/,
      );
    });

    await chapter('the procedure', async () => {
      // The migration is left to a second window, as the guide's two-phase pattern does it.
      await setAutoMigrate(host, 'false');
      await inNew('./ivaap license-check', 0, /IVAAP_CONNECTOR_WITSML/);
      await inNew('./ivaap -v', 0, /^ivaap 2026\.2$/m);
      const said = await inNew(
        './ivaap install --upgrade',
        0,
        /2026\.1 -> 2026\.2/,
        /\.installer\/backups\//,
      );
      assert.match(said, /schema version 3, unchanged/);
      await host.untilHealthy();
      await inNew('./ivaap activate --copy', 0, /\bki\b/);
      await inNew('ivaap status', 0, /2026\.2/);
      await inNew('ivaap -v', 0, /^ivaap 2026\.2$/m);
      await inNew('kubectl get pods -n ivaap', 0, /adminserver.*Running/, /postgres-0.*Running/);
    });

    await chapter('the same version again is a no-op error', async () => {
      await inNew('./ivaap install --upgrade', 10, /--reapply/);
    });

    await chapter('the second window: the flag, --reapply, and the pod that is deleted by hand', async () => {
      await setAutoMigrate(host, 'true');
      await inNew('./ivaap install --upgrade --reapply', 2, /confirmation/, /--yes/);
      await inNew('./ivaap install --upgrade --reapply --yes', 0, /delete pod.* -l app=adminserver/);
      assert.equal(await host.schemaVersion(), 3);
      await inNew('ki ivaap delete pod -l app=adminserver', 0, /pod "adminserver-[^"]*" deleted/);
      await host.until('the schema is 5', 90, async () =>
        (await host.schemaVersion()) === 5 ? true : undefined,
      );
      await host.untilHealthy();
    });

    await chapter('a dump by hand', async () => {
      await inNew('ivaap_pgdump /root/by-hand.sql', 0, /\/root\/by-hand\.sql/);
      await host.shell("grep -q 'PostgreSQL database dump complete' /root/by-hand.sql");
    });

    await chapter('support artefacts', async () => {
      await inNew('ivaap status', 0, /\/opt\/ivaap\/\.installer\/backups\//);
      await inNew('ivaap -v', 0, /^ivaap 2026\.2$/m);
      assert.equal((await readState(host)).installed?.version, target);
    });

    await chapter('to replace the deployment: uninstall, then install', async () => {
      await inNew('ivaap uninstall', 2, /--confirm/);
      await inNew('ivaap uninstall --confirm ivaap', 0, /\.sql/);
      await inNew('./ivaap install', 2, /--fqdn/, /--license/);
      await inNew(`./ivaap install --fqdn ${fqdn} --license ${licenseFile} --yes`, 0, /2026\.2/);
      await host.untilHealthy();
    });

    await chapter('no command line of the guide was left out', () => {
      const words = (line: string) => line.replace(/^(\.\/)?ivaap /, '');
      const done = typed.map(words);
      const left = guideLines.filter(
        ({ line }) => !done.some((one) => one === words(line) || one.startsWith(`${words(line)} `)),
      );
      assert.deepEqual(left, []);
      return Promise.resolve();
    });
  });
});
