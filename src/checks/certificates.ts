import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readRegular, readRegularText } from '../host/regular-file.ts';
import { type Certificate, certificateOf, kubeconfigCertificate } from '../host/api-server.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { Check } from './check.ts';
import type { HostFacts } from './facts.ts';
import { sudo } from '../shell-word.ts';

const dayMs = 86_400_000;
const failDays = 1;
const warnDays = 30;

/** Certificates of `server/tls` and `agent` that k3s loads itself, whether a kubeconfig names them or not. */
const loaded = new Set([
  'server-ca',
  'client-ca',
  'request-header-ca',
  'serving-kube-apiserver',
  'client-kube-apiserver',
  'client-auth-proxy',
  'client-supervisor',
  'serving-kubelet',
]);

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
    const data = await dataFolder(facts);
    const [{ serving }, ours, ...onDisk] = await Promise.all([
      facts.apiServer(),
      kubeconfigCertificate(ctx.product.k3s.kubeconfig),
      ...(await usedCertificates(data)).map(read),
    ]);
    const found = onDisk.filter((one) => one !== undefined);
    return judgeCertificates([serving, ...(ours === undefined ? [] : [ours]), ...found], ctx.now().getTime());
  },
};

/** k3s' --data-dir, derived from the folder in which its containerd stores images. */
async function dataFolder(facts: Pick<HostFacts, 'imageStore'>): Promise<string> {
  const [, folder] = /^(.+)\/agent\/containerd$/.exec(await facts.imageStore()) ?? [];
  return folder ?? '/var/lib/rancher/k3s';
}

/**
 * The certificates below k3s' folder that are in use: those that its kubeconfigs name, and those that it
 * loads itself. An older k3s may have left others, which no restart renews.
 */
export async function usedCertificates(data: string): Promise<string[]> {
  const folders = ['server/tls', 'server/cred', 'agent'].map((folder) => join(data, folder));
  const listed = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
  );
  const all = listed.flat();
  const texts = await Promise.all(
    all
      .filter((path) => path.endsWith('.kubeconfig'))
      .map(async (path) => ({ path, text: await readRegularText(path).catch(() => '') })),
  );
  const named = texts.flatMap(({ path, text }) =>
    [...text.matchAll(/^\s*(?:client-certificate|certificate-authority):\s*"?([^"\s]+)"?\s*$/gm)].map(
      ([, file = '']) => (file.startsWith('/') ? file : join(dirname(path), file)),
    ),
  );
  const own = all.filter((path) => loaded.has(/([^/]+)\.crt$/.exec(path)?.[1] ?? ''));
  return [...new Set([...named, ...own])];
}

async function read(path: string): Promise<Certificate | undefined> {
  const pem = await readRegular(path).catch(() => undefined);
  return pem === undefined ? undefined : certificateOf(path, pem);
}

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
