import { type Certificate, kubeconfigCertificate } from '../host/api-server.ts';
import { k3sFolder, readCertificate, usedCertificates } from '../host/k3s-certificates.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { Check } from './check.ts';
import { sudo } from '../shell-word.ts';

const dayMs = 86_400_000;
const failDays = 1;
const warnDays = 30;

/**
 * The API server's certificate, the kubeconfig's, and those on disk that k3s uses: the one that expires first
 * counts.
 */
export const certificates: Check = {
  id: 'certificates',
  kind: 'health',
  title: 'Certificates of the cluster',
  limit: `valid for at least ${failDays} day; a warning below ${warnDays} days`,
  why: 'a cluster whose certificates expire stops answering in the middle of a run',
  fix: `${sudo.systemctl} restart k3s`,
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  async measure(ctx, facts) {
    const data = k3sFolder(await facts.imageStore());
    const [{ serving }, ours, ...onDisk] = await Promise.all([
      facts.apiServer(),
      kubeconfigCertificate(ctx.product.k3s.kubeconfig),
      ...(await usedCertificates(data)).map(readCertificate),
    ]);
    const found = onDisk.filter((one) => one !== undefined);
    return judgeCertificates([serving, ...(ours === undefined ? [] : [ours]), ...found], ctx.now().getTime());
  },
};

export function judgeCertificates(certificates: readonly Certificate[], nowMs: number): Measurement {
  const daysLeft = ({ validTo }: Certificate) => Math.floor((validTo.getTime() - nowMs) / dayMs);
  const [first] = [...certificates].sort((a, b) => a.validTo.getTime() - b.validTo.getTime());
  if (first === undefined) return { outcome: 'fail', measured: 'no certificate was found' };
  const days = daysLeft(first);
  const until = first.validTo.toISOString();
  const expired = first.validTo.getTime() <= nowMs;
  return {
    outcome: days < failDays ? 'fail' : days < warnDays ? 'warn' : 'ok',
    measured: expired
      ? `${first.place} expired on ${until}`
      : `${days} days left of the ${certificates.length} in use (${first.place}, until ${until})`,
    // k3s renews certificates that are about to expire when it starts; a CA is renewed only by its own
    // command.
    fix: first.place.endsWith('-ca.crt') ? `${sudo.certificate} rotate-ca --help` : undefined,
    data: { daysLeft: days },
  };
}
