import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { queryStatus, type StatusPorts } from './status.ts';
import type { StatusReport } from './status-schema.ts';

const pauseMs = 2000;

interface Waiting {
  seconds: number;
  /** Told of what is waited for, each time that it is something else. */
  tell: (line: string) => void;
}

/**
 * The status as soon as the product is healthy, or as it is when the time is over. A host without an
 * installation is not waited for.
 */
export async function waitUntilHealthy(
  ports: StatusPorts,
  { seconds, tell }: Waiting,
): Promise<StatusReport> {
  const { signal } = ports;
  const endMs = performance.now() + seconds * 1000;
  let told = '';
  for (;;) {
    const report = await queryStatus(ports);
    const { healthy, installed, unhealthy } = report.upgrade;
    const leftMs = endMs - performance.now();
    if (healthy === true || installed === false || leftMs <= 0) return report;
    const reason = unhealthy[0] ?? 'not known';
    if (reason !== told) tell(`waiting: ${reason}`);
    told = reason;
    await sleep(Math.min(pauseMs, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** For scripts: the error to end with where the product is not healthy, or nothing is installed. */
export function unhealthyError(
  { upgrade: { installed, healthy, unhealthy, hint }, title }: StatusReport,
  program: string,
): IvaapError | undefined {
  if (installed === false) {
    return new IvaapError('nothing_to_do', `${title} is not installed on this host`, {
      hint: `${program} install --help`,
    });
  }
  if (healthy === true) return undefined;
  const [first = 'not known', ...more] = unhealthy;
  return new IvaapError(
    'failed',
    `${title} is ${healthy === null ? 'not known to be healthy' : 'not healthy'}: ${first}`,
    { hint: hint ?? `${program} support-bundle`, ...(more.length === 0 ? {} : { facts: more }) },
  );
}
