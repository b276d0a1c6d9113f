import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Certificate, certificateOf } from './api-server.ts';
import { readRegular, readRegularText } from './regular-file.ts';

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

/** k3s' --data-dir, derived from the folder in which its containerd stores images. */
export function k3sFolder(imageStore: string): string {
  const [, folder] = /^(.+)\/agent\/containerd$/.exec(imageStore) ?? [];
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

/** undefined where it cannot be read. */
export async function readCertificate(path: string): Promise<Certificate | undefined> {
  const pem = await readRegular(path).catch(() => undefined);
  return pem === undefined ? undefined : certificateOf(path, pem);
}
