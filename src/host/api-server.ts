import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { readRegularText } from './regular-file.ts';
import { IvaapError } from '../errors.ts';

export interface Certificate {
  /** Where it was found: a file, or the address that presents it. */
  place: string;
  validTo: Date;
}

/** What the API server's own answer shows, without a question that needs an identity. */
export interface ApiServerAnswer {
  address: string;
  serving: Certificate;
  /**
   * The server's clock in whole seconds, and ours half-way between question and answer; milliseconds since
   * the epoch.
   */
  serverMs: number;
  localMs: number;
}

interface Kubeconfig {
  clusters?: { cluster?: { server?: string } }[];
  users?: { user?: Record<string, unknown> }[];
}

// Loaded when they are needed: `manifest` asks nothing of the API server.
async function readKubeconfig(path: string): Promise<Kubeconfig> {
  const { default: yaml } = await import('yaml');
  return yaml.parse(await readRegularText(path)) as Kubeconfig;
}

/**
 * One request to the cluster's API server. Nothing is sent but the path, so the certificate need not be
 * trusted: a clock that is wrong or a certificate that has expired is what is looked for.
 */
export async function askApiServer(
  kubeconfig: string,
  options: { signal: AbortSignal; timeoutMs: number },
): Promise<ApiServerAnswer> {
  const address = (await readKubeconfig(kubeconfig)).clusters?.[0]?.cluster?.server;
  if (address === undefined) throw new IvaapError('failed', `${kubeconfig} names no server`);
  const { default: https } = await import('node:https');
  const startedMs = Date.now();
  return new Promise((done, failed) => {
    const asked = https.request(
      `${address}/version`,
      {
        rejectUnauthorized: false,
        agent: false,
        signal: options.signal,
        timeout: options.timeoutMs,
      },
      (response) => {
        const localMs = (startedMs + Date.now()) / 2;
        const { valid_to: validTo } = (response.socket as TLSSocket).getPeerCertificate();
        const serverMs = Date.parse(response.headers.date ?? '');
        response.resume();
        done({ address, serving: { place: address, validTo: new Date(validTo) }, serverMs, localMs });
      },
    );
    asked.on('timeout', () =>
      asked.destroy(new Error(`no answer within ${Math.round(options.timeoutMs / 1000)} s`)),
    );
    asked.on('error', failed);
    asked.end();
  });
}

/** The client's certificate inside a kubeconfig; undefined where it has another kind of identity. */
export async function kubeconfigCertificate(kubeconfig: string): Promise<Certificate | undefined> {
  const data = (await readKubeconfig(kubeconfig)).users?.[0]?.user?.['client-certificate-data'];
  if (typeof data !== 'string') return undefined;
  return certificateOf(kubeconfig, Buffer.from(data, 'base64'));
}

/**
 * The one that has expired of those that prove the API server and us to each other; undefined where none has,
 * or none is known.
 */
export async function expiredCertificate(kubeconfig: string): Promise<Certificate | undefined> {
  const options = { signal: AbortSignal.timeout(10_000), timeoutMs: 10_000 };
  const [answer, own] = await Promise.all([
    askApiServer(kubeconfig, options).catch(() => undefined),
    kubeconfigCertificate(kubeconfig).catch(() => undefined),
  ]);
  return [answer?.serving, own].find((one) => one !== undefined && one.validTo.getTime() <= Date.now());
}

/** The first certificate of a PEM file; undefined for a file that holds none. */
export function certificateOf(place: string, pem: Buffer): Certificate | undefined {
  try {
    return { place, validTo: new Date(new X509Certificate(pem).validTo) };
  } catch {
    return undefined;
  }
}
