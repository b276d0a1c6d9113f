import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { foreign } from '../foreign.ts';

/** Which of a host's ports takes a connection, or why none does. */
export type PortAnswer =
  | { answered: true; address: string; port: number }
  | { answered: false; cause: 'name' | 'refused' | 'silent' | 'other'; why: string };

interface Asked {
  host: string;
  ports: readonly number[];
  /** Resolving the name included. */
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Opens a TCP connection to every address and port of a host at once and closes it again; nothing is sent.
 * The first that is accepted is the answer. Throws the signal's reason only.
 */
export async function probePorts({ host, ports, timeoutMs, signal }: Asked): Promise<PortAnswer> {
  signal.throwIfAborted();
  const late = AbortSignal.timeout(timeoutMs);
  const limit = AbortSignal.any([late, signal]);
  const addresses = await addressesOf(host, limit);
  signal.throwIfAborted();
  if ('why' in addresses) return { answered: false, cause: 'name', why: addresses.why };
  const won = new AbortController();
  const stop = AbortSignal.any([limit, won.signal]);
  const tries = addresses.list.flatMap((address) => ports.map((port) => open(address, port, stop)));
  try {
    return await Promise.any(tries);
  } catch (error) {
    signal.throwIfAborted();
    return notOpened((error as AggregateError).errors as NodeJS.ErrnoException[], late.aborted, timeoutMs);
  } finally {
    won.abort();
  }
}

async function addressesOf(host: string, limit: AbortSignal): Promise<{ list: string[] } | { why: string }> {
  if (isIP(host) !== 0) return { list: [host] };
  // The system's resolver cannot be stopped: its late answer is dropped.
  const over = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(new Error('late')), { once: true });
  });
  const asked = lookup(host, { all: true });
  asked.catch(() => {});
  try {
    const found = await Promise.race([asked, over]);
    const list = [...new Set(found.map(({ address }) => address))];
    return list.length === 0 ? { why: 'the name has no address' } : { list };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (limit.aborted) return { why: 'the name was not resolved in time' };
    if (code === 'ENOTFOUND' || code === 'ENODATA') return { why: 'the name does not resolve' };
    return { why: `the name was not resolved: ${foreign(code ?? (error as Error).message)}` };
  }
}

function open(address: string, port: number, stop: AbortSignal): Promise<PortAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const end = () => socket.destroy(new Error('not answered'));
    const done = () => stop.removeEventListener('abort', end);
    stop.addEventListener('abort', end, { once: true });
    if (stop.aborted) end();
    socket.once('connect', () => {
      done();
      socket.destroy();
      resolve({ answered: true, address, port });
    });
    socket.once('error', (error) => {
      done();
      reject(error);
    });
  });
}

/** A refusal says more than silence, and both more than a missing route. */
function notOpened(errors: readonly NodeJS.ErrnoException[], late: boolean, timeoutMs: number): PortAnswer {
  const codes = new Set(errors.map(({ code }) => code));
  if (codes.has('ECONNREFUSED') && !late)
    return { answered: false, cause: 'refused', why: 'the connection is refused: nothing listens there' };
  if (late || codes.has('ETIMEDOUT'))
    return { answered: false, cause: 'silent', why: `no answer within ${timeoutMs / 1000} s` };
  const [code = 'unknown error'] = [...codes].filter((one) => one !== undefined);
  const known: Record<string, string> = {
    EHOSTUNREACH: 'the host cannot be reached',
    ENETUNREACH: 'there is no route to its network',
  };
  return { answered: false, cause: 'other', why: known[code] ?? `no connection: ${foreign(code)}` };
}
