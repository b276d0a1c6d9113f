import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { kubeconfigCertificate } from '../../host/api-server.ts';
import { k3sFolder, readCertificate, usedCertificates } from '../../host/k3s-certificates.ts';
import { readRegularText } from '../../host/regular-file.ts';
import { known } from '../../known.ts';
import { imageStore } from '../../release/image-store.ts';
import { columns } from '../../ui/format.ts';
import type { Collector, SupportContext } from '../collector.ts';

export const k3sService: Collector = {
  id: 'k3s-service',
  title: "k3s' settings, certificates, service and its last messages",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { signal } = ctx;
    await addSettings(ctx);
    ctx.add('certificates.txt', await certificateLines(ctx));
    const ask = async (...argv: [string, ...string[]]) =>
      (await ctx.runner.run(argv, { timeoutMs: 8000, signal, okCodes: 'any' })).stdout;
    ctx.add('unit.txt', await ask('systemctl', 'cat', 'k3s', '--no-pager'));
    ctx.add('service.txt', await ask('systemctl', 'status', 'k3s', '--no-pager', '--full', '--lines=0'));
    ctx.add(
      'journal.txt',
      await ask('journalctl', '--unit=k3s', '--no-pager', '--lines=1000', '--output=short-iso'),
    );
  },
};

/** k3s reads its settings beside the kubeconfig that it writes. */
async function addSettings(ctx: SupportContext): Promise<void> {
  const folder = dirname(ctx.opened.product.k3s.kubeconfig);
  const more = await readdir(join(folder, 'config.yaml.d')).catch(() => []);
  const names = ['config.yaml', ...more.map((name) => join('config.yaml.d', name)), 'registries.yaml'];
  const texts = await Promise.all(
    names.map(async (name) => ({ name, text: await known(readRegularText(join(folder, name))) })),
  );
  for (const { name, text } of texts) if (text.known) ctx.add(name, text.value);
  const found = texts.map(({ name, text }) => [join(folder, name), text.known ? 'there' : text.why]);
  ctx.add('settings.txt', columns(found).join('\n'));
}

/** Also where the API server does not answer, for that reason perhaps; the first to end comes first. */
async function certificateLines(ctx: SupportContext): Promise<string> {
  const { product } = ctx.opened;
  const store = await known(ctx.tools().then(({ containerd }) => imageStore({ containerd, product })));
  const folder = k3sFolder(store.known ? store.value : '');
  const ours = await known(kubeconfigCertificate(product.k3s.kubeconfig));
  const onDisk = await Promise.all((await usedCertificates(folder)).map(readCertificate));
  const found = [ours.known ? ours.value : undefined, ...onDisk].filter((one) => one !== undefined);
  const now = new Date();
  ctx.facts.expired = found.filter(({ validTo }) => validTo <= now);
  if (found.length === 0) return `none below ${folder} can be read`;
  return columns(
    found
      .sort((a, b) => a.validTo.getTime() - b.validTo.getTime())
      .map(({ place, validTo }) => [validTo.toISOString(), validTo <= now ? 'EXPIRED' : '', place]),
  ).join('\n');
}
