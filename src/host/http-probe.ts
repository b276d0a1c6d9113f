import { causeChain } from '../errors.ts';

export interface ProbeTarget {
  port: number;
  path: string;
  /** Host header: the name that the ingress routes by. */
  host: string;
  /** Default 127.0.0.1. */
  address?: string;
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** What came back, or why nothing did. A probe never throws: an answer that is not wanted is an answer. */
export type ProbeResult =
  | { answered: true; status: number; bodyExcerpt: string; durationMs: number }
  | { answered: false; reason: string; durationMs: number };

const excerptBytes = 2048;

/** One GET through the product's real ingress, without following redirects. */
export async function probe(target: ProbeTarget): Promise<ProbeResult> {
  // Slow to load, and most commands never probe.
  const { default: undici } = await import('undici');
  const startedMs = performance.now();
  const timeoutMs = target.timeoutMs ?? 5000;
  const timeLimit = AbortSignal.timeout(timeoutMs);
  try {
    const url = `http://${target.address ?? '127.0.0.1'}:${target.port}${target.path}`;
    const response = await undici.request(url, {
      headers: { host: target.host, accept: '*/*', connection: 'close' },
      signal: target.signal === undefined ? timeLimit : AbortSignal.any([timeLimit, target.signal]),
    });
    const bodyExcerpt = await excerpt(response.body);
    return {
      answered: true,
      status: response.statusCode,
      bodyExcerpt,
      durationMs: performance.now() - startedMs,
    };
  } catch (error) {
    const reason = timeLimit.aborted
      ? `no answer within ${timeoutMs / 1000} s`
      : causeChain(error).join(': ') || 'no answer';
    return { answered: false, reason, durationMs: performance.now() - startedMs };
  }
}

async function excerpt(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.byteLength;
    if (bytes >= excerptBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, excerptBytes).toString('utf8');
}
