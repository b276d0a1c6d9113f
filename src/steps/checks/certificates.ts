import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from '../../host/regular-file.ts';
import { type Certificate, certificateOf, kubeconfigCertificate } from '../../host/api-server.ts';
import type { Measurement } from '../../policy/preflight.ts';
import type { CheckContext, HostFacts } from './facts.ts';

/** Where k3s keeps those that its parts present to each other. */
const folders = ['/var/lib/rancher/k3s/server/tls', '/var/lib/rancher/k3s/agent'];
const dayMs = 86_400_000;
const failDays = 1;
const warnDays = 30;

/** The API server's own, the kubeconfig's, and k3s' on disk: the one that expires first counts. */
export async function checkCertificates(ctx: CheckContext, facts: HostFacts): Promise<Measurement> {
  const [{ serving }, ours, ...onDisk] = await Promise.all([
    facts.apiServer(),
    kubeconfigCertificate(ctx.product.k3s.kubeconfig),
    ...folders.map(certificatesIn),
  ]);
  return judgeCertificates(
    [serving, ...(ours === undefined ? [] : [ours]), ...onDisk.flat()],
    ctx.now().getTime(),
  );
}

async function certificatesIn(folder: string): Promise<Certificate[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.crt'));
  const read = names.map(async (name) =>
    certificateOf(join(folder, name), await readRegular(join(folder, name))),
  );
  return (await Promise.all(read)).filter((certificate) => certificate !== undefined);
}

export function judgeCertificates(certificates: readonly Certificate[], nowMs: number): Measurement {
  const limit = `${failDays} day at least, a warning below ${warnDays} days`;
  const daysLeft = ({ validTo }: Certificate) => Math.floor((validTo.getTime() - nowMs) / dayMs);
  const [first] = [...certificates].sort((a, b) => a.validTo.getTime() - b.validTo.getTime());
  if (first === undefined) return { outcome: 'fail', measured: 'no certificate was found', limit };
  const days = daysLeft(first);
  return {
    outcome: days < failDays ? 'fail' : days < warnDays ? 'warn' : 'ok',
    measured: `${days} days left of the ${certificates.length} found (${first.place}, until ${first.validTo.toISOString()})`,
    limit,
    // k3s renews what is about to expire when it starts.
    fix: 'systemctl restart k3s',
    data: { daysLeft: days },
  };
}
