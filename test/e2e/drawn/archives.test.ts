import assert from 'node:assert/strict';
import { test } from 'node:test';
import { releaseImages } from '../cluster.ts';
import { differences, fingerprint } from '../fingerprint.ts';
import { assertExit, chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';

/**
 * Archives on disk that are damaged: what is refused, and that a running pod keeps the image that it runs.
 */

const archive = '/opt/ivaap/docker-images.tar.gz';

/**
 * A pod under a tag of the new release, holding an image of the old one: what a careless import would pull
 * away.
 */
async function runUnderNewTag(host: TestHost): Promise<string> {
  const old = (await releaseImages('2026.1')).find(({ reference }) => /adminserver/.test(reference));
  const fresh = (await releaseImages('2026.2')).find(({ reference }) => /adminserver/.test(reference));
  assert.ok(old && fresh);
  if (old.reference !== fresh.reference) {
    await host.k3s('ctr', 'images', 'tag', '--force', old.reference, fresh.reference);
  }
  const manifest = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'bystander', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'bystander' } },
      template: {
        metadata: { labels: { app: 'bystander' } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'main', image: fresh.reference, imagePullPolicy: 'Never' }],
        },
      },
    },
  };
  await host.shell('bash /usr/local/lib/lab/node/k3s kubectl apply -f -', {
    input: JSON.stringify(manifest),
  });
  await bystanderRuns(host);
  return fresh.reference;
}

const bystanderRuns = (host: TestHost) =>
  host.shell(
    'bash /usr/local/lib/lab/node/k3s kubectl rollout status deployment/bystander -n default --timeout=60s',
  );

async function deleteAndSeeItStart(host: TestHost): Promise<void> {
  await host.shell('bash /usr/local/lib/lab/node/k3s kubectl delete pod -n default -l app=bystander --wait');
  await bystanderRuns(host);
}

const target = async (host: TestHost, reference: string) =>
  (await host.k3s('ctr', 'images', 'list', `name==${reference}`)).stdout.split('\n')[1]?.split(/\s+/)[2];

test('archives on disk that cannot be used', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);
    const reference = await runUnderNewTag(host);
    const was = await target(host, reference);
    const upgradeFromDisk = () => host.ivaap('2026.2', ['install', '--upgrade', '--images-from', 'disk']);

    await chapter('cut in its last layer: refused, and the pod under its tag starts again', async () => {
      await assertExit(
        host,
        await host.ivaap('2026.2', ['extract-file', 'docker-images.tar.gz', archive]),
        0,
        'extract-file',
      );
      await host.shell(`truncate -s -20000 ${archive}`);
      const before = await fingerprint(host);
      const result = await upgradeFromDisk();
      await assertExit(host, result, 3, 'an upgrade from a damaged archive');
      assert.match(result.stderr, /docker-images\.tar\.gz/);
      assert.match(result.stderr, /^try: .*extract-file docker-images\.tar\.gz/m);
      assert.equal(await target(host, reference), was, 'the tag has not moved');
      assert.equal(differences(before, await fingerprint(host)), '');
      await deleteAndSeeItStart(host);
      await host.untilHealthy();
    });

    for (const [what, make] of [
      ['not gzip', `echo 'not an archive' > ${archive}`],
      ['of another release', ''],
    ] as const) {
      await chapter(`${what}: refused`, async () => {
        if (make === '') await host.ivaap('2026.1', ['extract-file', 'docker-images.tar.gz', archive]);
        else await host.shell(make);
        const before = await fingerprint(host);
        const result = await upgradeFromDisk();
        await assertExit(host, result, 3, `an upgrade from an archive that is ${what}`);
        assert.equal(differences(before, await fingerprint(host)), '');
        assert.match(result.stderr, /docker-images\.tar\.gz/);
        assert.match(result.stderr, /^try: /m);
        assert.equal(await target(host, reference), was, 'the tag has not moved');
      });
    }

    await chapter('under auto a damaged archive is reported, and the payload is used', async () => {
      await host.ivaap('2026.2', ['extract-file', 'docker-images.tar.gz', archive]);
      await host.shell(`truncate -s -20000 ${archive}`);
      const result = await host.ivaap('2026.2', ['install', '--upgrade']);
      await assertExit(host, result, 0, 'install --upgrade with a damaged archive on disk');
      assert.match(result.stdout + result.stderr, /docker-images\.tar\.gz/);
      await host.untilHealthy();
    });
  });
});
