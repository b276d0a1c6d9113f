import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chapters, withHost } from '../harness.ts';
import type { TestHost } from '../host.ts';
import { licenseText } from '../golden.ts';

/** Five faults on a real node: the first page of each support bundle names the one that it was made with. */

const path = '/root/support.tar.gz';

interface Answer {
  faults: { certainty: string; title: string }[];
  collected: { id: string; tookMs: number; missing?: string }[];
}

/** Makes a bundle, holds it to its limits, and gives the answer and the texts of the archive. */
async function bundleOf(host: TestHost): Promise<Answer & { index: string }> {
  await host.shell(`rm -rf ${path} /root/read && mkdir /root/read`);
  const started = Date.now();
  const { stdout } = await host.ivaap('2026.2', ['support-bundle', '--output', path, '--json']);
  assert.ok(Date.now() - started < 60_000, `it took ${Date.now() - started} ms`);
  const answer = JSON.parse(stdout) as Answer;
  // Given up after ten seconds; a busy machine's timers are late.
  for (const { id, tookMs } of answer.collected) assert.ok(tookMs < 20_000, `${id} took ${tookMs} ms`);
  const { stdout: stat } = await host.shell(`stat -c '%a %s' ${path}`);
  const [mode, size] = stat.trim().split(' ');
  assert.equal(mode, '600');
  assert.ok(Number(size) < 50 * 1024 * 1024, size);
  await host.shell(`tar -xzf ${path} -C /root/read --strip-components=1`);
  const { serial } = JSON.parse(licenseText) as { serial?: string };
  if (serial !== undefined) {
    const found = await host.shell(`grep -rlF -e '${serial}' /root/read || true`);
    assert.equal(found.stdout, '', 'the licence is in the bundle');
  }
  return { ...answer, index: await host.readFile('/root/read/index.html') };
}

/** First pages are kept below dist/, to be looked at. */
const looked = join(import.meta.dirname, '../../../dist/support-bundle');

async function assertNamed(host: TestHost, name: string, says: RegExp): Promise<void> {
  const { faults, index } = await bundleOf(host);
  mkdirSync(looked, { recursive: true });
  writeFileSync(join(looked, `${name}.html`), index);
  assert.match(faults[0]?.title ?? 'no fault', says);
  const first = /<ol class="faults">\n<li.*?<\/b>/s.exec(index)?.[0] ?? '';
  assert.match(first, says);
}

test('the first page of a support bundle names what is wrong with the host', async (t) => {
  await withHost('installed-2026.1', 20, async (host) => {
    const chapter = chapters(t, host);

    await chapter('a host that is well has no certain fault', async () => {
      await host.writeFile(
        '/etc/rancher/k3s/config.yaml',
        'token: of-this-cluster-4711\nnode-name: k3s-node\n',
      );
      const { faults, collected } = await bundleOf(host);
      assert.deepEqual(
        faults.filter(({ certainty }) => certainty === 'certain'),
        [],
      );
      assert.deepEqual(
        collected.filter(({ missing }) => missing !== undefined),
        [],
      );
      const read = (name: string) => host.readFile(`/root/read/${name}`);
      assert.match(await read('usage/k3s-node.txt'), /^ivaap +postgres-0 +\d\.\d{3} +[\d.]+ MiB +.* +\d+$/m);
      assert.match(await read('k3s-service/certificates.txt'), /\/etc\/rancher\/k3s\/k3s\.yaml$/m);
      assert.equal(await read('k3s-service/config.yaml'), 'token: [redacted]\nnode-name: k3s-node\n');
      assert.match(await read('images/containers.txt'), /Running +postgres .*postgres-0/);
      assert.match(await read('cluster/keys.txt'), /^Secret +\S/m);
      assert.match(await read('network/addresses.txt'), /inet 10\.203\.0\.10\/24/);
      assert.match(await read('network/ports.txt'), /:6443/);
      assert.match(await read('network/firewall.txt'), /KUBE-/);
      assert.match(await read('system/processes.txt'), /\bkubernetes$/m);
      assert.match(await read('system/settings.txt'), /ip_forward:\n1/);
    });

    await chapter('the disk of the database is full', async () => {
      // An install takes no backup: there is no folder for them yet.
      const folder = '/opt/ivaap/.installer/backups';
      await host.shell(`mkdir -p ${folder} && mount -t tmpfs -o size=1m full ${folder}`);
      try {
        await host.shell(`head -c 1040000 /dev/zero > ${folder}/fill`);
        await assertNamed(host, 'full-disk', /the disk at \/opt\/ivaap\/\.installer\/backups is full/);
      } finally {
        await host.shell(`umount ${folder}`);
      }
    });

    await chapter('a pod ends again and again', async () => {
      const patch = JSON.stringify([
        { op: 'add', path: '/spec/template/spec/containers/0/command', value: ['/bin/false'] },
      ]);
      await host.kubectl('patch', 'deployment', 'backend', '-n', 'ivaap', '--type=json', '-p', patch);
      await host.until('the pod has ended twice', 120, async () => {
        const { faults } = await bundleOf(host);
        return faults.some(({ title }) => title.startsWith('Deployment/backend: ')) ? true : undefined;
      });
      await assertNamed(host, 'crash-loop', /Deployment\/backend: /);
      await host.kubectl('rollout', 'undo', 'deployment/backend', '-n', 'ivaap');
      await host.untilHealthy();
    });

    await chapter('Helm is pending', async () => {
      const name = (
        await host.kubectl('get', 'secrets', '-n', 'ivaap', '-l', 'owner=helm', '-o', 'name')
      ).stdout
        .trim()
        .split('\n')
        .at(-1)!;
      const label = (status: string) =>
        host.kubectl('label', name, '-n', 'ivaap', '--overwrite', `status=${status}`);
      await label('pending-upgrade');
      await assertNamed(host, 'helm-pending', /revision \d+ is pending-upgrade, and nobody is working on it/);
      await label('deployed');
    });

    await chapter('there is no database', async () => {
      const [set] = (await host.kubectl('get', 'statefulsets', '-n', 'ivaap', '-o', 'name')).stdout.split(
        '\n',
      );
      await host.kubectl('scale', set!, '-n', 'ivaap', '--replicas=0');
      await host.until('no pod of it is left', 120, async () => {
        const { faults } = await bundleOf(host);
        return faults[0]?.title.startsWith('the database does not answer') === true ? true : undefined;
      });
      await assertNamed(host, 'no-database', /the database does not answer/);
      await host.kubectl('scale', set!, '-n', 'ivaap', '--replicas=1');
    });

    await chapter('the cluster is down', async () => {
      await host.shell('mv /etc/rancher/k3s/k3s.yaml /root/k3s.yaml');
      await assertNamed(host, 'cluster-down', /kubeconfig .* is missing|API server does not answer/);
      await host.shell('mv /root/k3s.yaml /etc/rancher/k3s/k3s.yaml');
    });
  });
});
