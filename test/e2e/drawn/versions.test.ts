import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertImagesOf } from '../cluster.ts';
import { differences, fingerprint } from '../fingerprint.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { migratedWell, sampleWells, withoutIds } from '../wells.ts';

/** Upgrades without a refresh of the archives, and the paths that the version policy allows and refuses. */

async function assertRefused(host: TestHost, version: string, message: RegExp): Promise<void> {
  const was = await fingerprint(host);
  const result = await host.ivaap(version, ['install', '--upgrade']);
  await assertExit(host, result, 5, `an upgrade to ${version}`);
  assert.match(result.stderr, message);
  assert.match(result.stderr, /^try: /m);
  assert.equal(differences(was, await fingerprint(host)), '');
}

async function assertUpgrades(host: TestHost, version: string, ...flags: string[]): Promise<void> {
  const result = await host.ivaap(version, ['install', '--upgrade', ...flags]);
  await assertExit(host, result, 0, `the upgrade to ${version}`);
  await host.untilHealthy();
  await assertImagesOf(host, version);
}

test('without archives on disk 2026.1 becomes 2026.2, then 2027.1, and never goes back', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    await chapter('2026.1 to 2026.2 with the images of the payload', async () => {
      await host.shell('! ls /opt/ivaap/*.tar.gz /opt/ivaap/connectors/*.tar.gz 2>/dev/null');
      await assertUpgrades(host, '2026.2');
      const { wells } = await host.wells.list();
      assert.deepEqual(withoutIds(wells), sampleWells(1000).map(migratedWell));
    });
    await chapter('2026.2 to 2027.1', async () => {
      await assertUpgrades(host, '2027.1');
      assert.match(await host.wells.checksum(), /^1000 in schema 6,/);
    });
    await chapter('2027.1 to 2026.2 is a downgrade and refused', () =>
      assertRefused(host, '2026.2', /2027\.1.*2026\.2|older|downgrade/i),
    );
  });
});

test('with 2026.1’s archives on disk 2026.1 becomes 2026.2', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    await chapter('2026.1 to 2028.1 skips a major and is refused', () =>
      assertRefused(host, '2028.1', /major/i),
    );
    await chapter('the archives of 2026.1 do not stand in the way, and stay as they are', async () => {
      const names = ['docker-images.tar.gz', 'connectors/witsml.tar.gz'];
      for (const name of names) {
        await assertExit(
          host,
          await host.ivaap('2026.1', ['extract-file', name, `/opt/ivaap/${name}`]),
          0,
          `extract-file ${name}`,
        );
      }
      const sums = () =>
        host.shell(`cd /opt/ivaap; sha256sum ${names.join(' ')}`).then(({ stdout }) => stdout);
      const before = await sums();
      await assertUpgrades(host, '2026.2');
      assert.equal(await sums(), before);
      assert.match(await host.wells.checksum(), /^1000 in schema 5,/);
    });
    await chapter('2026.2 to 2028.1 skips a major: refused, and done when that is accepted', async () => {
      await assertRefused(host, '2028.1', /--accept-unsupported-upgrade|major/i);
      await assertUpgrades(host, '2028.1', '--accept-unsupported-upgrade');
      assert.match(await host.wells.checksum(), /^1000 in schema 6,/);
    });
  });
});

test('a host with 2025.9 is refused, with the guide to use', async () => {
  await withHost('installed-2025.9', 15, async (host) => {
    await assertRefused(host, '2026.2', /2026\.1/);
    const { stderr } = await host.ivaap('2026.2', ['install', '--upgrade']);
    assert.match(stderr, /Upgrade from IVAAP 2025\.x/);
  });
});
