import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import type { Dispatcher } from 'undici';
import { causeChain, IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';

export interface ProbeTarget {
  /** Default http. */
  scheme?: 'http' | 'https' | undefined;
  /** That is connected to. */
  port: number;
  path: string;
  /** In the Host header, in TLS and in the certificate: the name that the ingress routes by. */
  host: string;
  /** Default 127.0.0.1. */
  address?: string | undefined;
  /** What to connect to for a port that a redirect names; undefined: nothing is there. Default: that port. */
  portOf?: ((port: number) => number | undefined) | undefined;
  /**
   * Certificates, in PEM, one of which has to be the server's or to have signed it; undefined: any will
   * do.
   */
  trusted?: readonly string[] | undefined;
  /** Default true: redirects on the same host. */
  follow?: boolean | undefined;
  /** At least so much of the body is read, if it has so much. Default 2048. */
  bodyBytes?: number | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** What came back, or why nothing did. A probe never throws: an answer that is not wanted is an answer. */
export type ProbeResult = {
  /** That was asked last. */
  url: string;
  /** It is where a redirect led. */
  followed: boolean;
  durationMs: number;
} & (({ answered: true } & ProbeAnswer) | { answered: false; reason: string });

export interface ProbeAnswer {
  status: number;
  body: Buffer;
  /** Of https: whether the certificate was verified. */
  verified?: boolean;
  /** Why a redirect was not followed, with the place that it names. */
  unfollowed?: string;
}

const excerptBytes = 2048;
const mostRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

/** The beginning of an answer's body. */
export const bodyExcerpt = ({ body }: Pick<ProbeAnswer, 'body'>): string =>
  body.subarray(0, excerptBytes).toString('utf8');

/** A host name as it stands in a URL. */
export const urlHost = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host);

/** One GET; redirects on the same host are followed, by the same way. */
export async function probe(target: ProbeTarget): Promise<ProbeResult> {
  const startedMs = performance.now();
  const { timeoutMs = 5000, scheme = 'http', host, port, path, portOf = (one) => one } = target;
  const timeLimit = AbortSignal.timeout(timeoutMs);
  const signal = target.signal === undefined ? timeLimit : AbortSignal.any([timeLimit, target.signal]);
  const asked = `${scheme}://${urlHost(host)}:${port}${path}`;
  let url: URL | undefined;
  let followed = 0;
  const end = () => ({
    url: url?.href ?? asked,
    followed: followed > 0,
    durationMs: performance.now() - startedMs,
  });
  try {
    url = new URL(asked);
    let connectTo = port;
    for (; ; followed += 1) {
      const { location, ...answer } = await ask(url, connectTo, { ...target, signal });
      if (location === undefined || target.follow === false) return { answered: true, ...answer, ...end() };
      const next = nextOf(url, location, followed);
      const nextPort = typeof next === 'string' ? undefined : portOf(portIn(next));
      if (typeof next === 'string' || nextPort === undefined) {
        const why = typeof next === 'string' ? next : 'nothing is known to serve that port here';
        return {
          answered: true,
          ...answer,
          unfollowed: `redirected to ${foreign(location)}: ${why}`,
          ...end(),
        };
      }
      [url, connectTo] = [next, nextPort];
    }
  } catch (error) {
    const reason = timeLimit.aborted ? `no answer within ${timeoutMs / 1000} s` : reasonOf(error);
    return { answered: false, reason, ...end() };
  }
}

const portIn = ({ port, protocol }: URL): number => Number(port || (protocol === 'https:' ? 443 : 80));

/** Where a redirect leads, or why it is not followed. */
function nextOf(from: URL, location: string, followed: number): URL | string {
  const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (next === undefined || !/^https?:$/.test(next.protocol)) return 'that is no address of the web';
  const name = ({ hostname }: URL) => hostname.replace(/\.$/, '');
  if (name(next) !== name(from)) return `another host than ${name(from)}`;
  if (followed < mostRedirects) return next;
  return `the ${mostRedirects + 1}th redirect in a row`;
}

async function ask(
  url: URL,
  port: number,
  { address = '127.0.0.1', host, trusted, signal, bodyBytes = excerptBytes }: ProbeTarget,
): Promise<ProbeAnswer & { location?: string }> {
  // Slow to load, and most commands never probe.
  const { default: undici } = await import('undici');
  const isSecure = url.protocol === 'https:';
  const dispatcher = new undici.Agent({
    connect: {
      // No name is sent for an address; the name in the certificate is compared all the same.
      servername: isIP(host) === 0 ? host : '',
      checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      rejectUnauthorized: trusted !== undefined,
      ...(trusted === undefined ? {} : { ca: [...trusted], allowPartialTrustChain: true }),
    },
  });
  try {
    const origin = `${url.protocol}//${urlHost(address)}:${port}`;
    const { statusCode, headers, body } = await undici.request(`${origin}${url.pathname}${url.search}`, {
      dispatcher,
      headers: { host: url.host, accept: '*/*' },
      signal,
    });
    const { location } = headers;
    return {
      status: statusCode,
      body: await beginning(body, bodyBytes),
      ...(isSecure ? { verified: trusted !== undefined } : {}),
      ...(redirects.has(statusCode) && typeof location === 'string' ? { location } : {}),
    };
  } finally {
    void (dispatcher as Dispatcher).destroy();
  }
}

/** Of TLS the words are OpenSSL's. */
function reasonOf(error: unknown): string {
  const chain = causeChain(error).join(': ') || 'no answer';
  if (error instanceof IvaapError) return chain;
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER') return 'no TLS is spoken at that port';
  const isDistrust = typeof code === 'string' && /CERT|ALTNAME|SIGNATURE|CRL|ISSUER/.test(code);
  return isDistrust ? `the certificate is not accepted: ${chain}` : chain;
}

async function beginning(body: AsyncIterable<Uint8Array>, least: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= least) break;
  }
  return Buffer.concat(chunks);
}
