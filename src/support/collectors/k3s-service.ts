import { readdir } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { kubeconfigCertificate } from '../../host/api-server.ts';
import { k3sFolder, readCertificate, usedCertificates } from '../../host/k3s-certificates.ts';
import { readRegularText } from '../../host/regular-file.ts';
import { known } from '../../known.ts';
import { imageStore } from '../../release/image-store.ts';
import { columns } from '../../ui/format.ts';
import { whyMissing } from '../collect.ts';
import type { Collector, SupportContext } from '../collector.ts';

export const k3sService: Collector = {
  id: 'k3s-service',
  title: "k3s' settings, certificates, service and its last messages",
  timeoutMs: 10_000,
  async collect(ctx) {
    await addSettings(ctx);
    // Each of the two may wait until the time is over: then the other one is there.
    const asked = await Promise.allSettled([addCertificates(ctx), addService(ctx)]);
    for (const one of asked) if (one.status === 'rejected') throw one.reason;
  },
};

async function addService({ runner, signal, add }: SupportContext): Promise<void> {
  const ask = async (...argv: [string, ...string[]]) =>
    (await runner.run(argv, { timeoutMs: 8000, signal, okCodes: 'any' })).stdout;
  add('unit.txt', await ask('systemctl', 'cat', 'k3s', '--no-pager'));
  add('service.txt', await ask('systemctl', 'status', 'k3s', '--no-pager', '--full', '--lines=0'));
  add(
    'journal.txt',
    await ask('journalctl', '--unit=k3s', '--no-pager', '--lines=1000', '--output=short-iso'),
  );
}

/** k3s reads its settings beside the kubeconfig that it writes. */
async function addSettings(ctx: SupportContext): Promise<void> {
  const folder = dirname(ctx.opened.product.k3s.kubeconfig);
  const more = await readdir(join(folder, 'config.yaml.d')).catch(() => []);
  const names = ['config.yaml', ...more.map((name) => join('config.yaml.d', name)), 'registries.yaml'];
  const found: string[] = [];
  for (const path of names.map((name) => join(folder, name))) {
    try {
      ctx.add(relative(folder, path), await readRegularText(path));
      found.push(path);
    } catch (error) {
      found.push(whyMissing(error));
    }
  }
  ctx.add('settings.txt', found.join('\n'));
}

/** Also where the API server does not answer, for that reason perhaps; the first to end comes first. */
async function addCertificates(ctx: SupportContext): Promise<void> {
  const { product } = ctx.opened;
  const store = await known(ctx.tools().then(({ containerd }) => imageStore({ containerd, product })));
  const folder = k3sFolder(store.known ? store.value : '');
  const ours = await known(kubeconfigCertificate(product.k3s.kubeconfig));
  const onDisk = await Promise.all((await usedCertificates(folder)).map(readCertificate));
  const found = [ours.known ? ours.value : undefined, ...onDisk].filter((one) => one !== undefined);
  const now = new Date();
  ctx.facts.expired = found.filter(({ validTo }) => validTo <= now);
  const rows = found
    .sort((a, b) => a.validTo.getTime() - b.validTo.getTime())
    .map(({ place, validTo }) => [validTo.toISOString(), validTo <= now ? 'EXPIRED' : '', place]);
  ctx.add('certificates.txt', columns(rows).join('\n') || `none below ${folder} can be read`);
}
