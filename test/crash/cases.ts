import { readFileSync } from 'node:fs';
import type { TestHost } from '../e2e/host.ts';
import { readState } from '../e2e/state.ts';
import { cgroupProcesses, signalProcesses } from '../lab/cgroup.ts';
import { namespaceDepth } from '../lab/inside.ts';
import type { GraphName } from './journal-places.ts';
import { placesOf } from './journal-places.ts';
import { typeCommand } from './kill.ts';
import type { Again, Trial } from './survive.ts';

/**
 * Resumes over damage that came with the crash: preflight reports it and does not block, and it is fixed only
 * then.
 */

/**
 * How long a run may take once the damage is fixed: pods that looped are started again after up to a minute.
 */
const limitMs = 400_000;

/** Types the command, waits until it has said what is broken, and fixes that. */
async function mendedWhenReported(
  host: TestHost,
  graph: GraphName,
  reported: RegExp,
  fix: () => Promise<void>,
): Promise<Again> {
  const { child, ended } = await typeCommand(host, graph);
  const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let said = '';
  let fixed: Promise<void> | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (data: Buffer | string) => {
      said += String(data);
      if (fixed === undefined && reported.test(said)) fixed = fix();
    });
  }
  const result = await ended;
  clearTimeout(late);
  await (fixed ?? fix());
  return fixed === undefined ? { ...result, problems: [`the run never said ${reported}`] } : result;
}

/** Traefik ends and is not started again. */
const endIngress = (host: TestHost) =>
  host.shell('touch /run/lab/hold; kill -9 $(cat /run/lab/traefik.pid)').then(() => {});
const startIngress = (host: TestHost) =>
  host
    .shell('rm -f /run/lab/hold; until curl -s -o /dev/null http://127.0.0.1/; do sleep 0.3; done')
    .then(() => {});

/** The backend's processes end as soon as they start, until `stop`. */
class CrashLoop {
  readonly #host: TestHost;
  #timer: NodeJS.Timeout | undefined;

  constructor(host: TestHost) {
    this.#host = host;
  }

  start(): void {
    this.#timer = setInterval(() => signalProcesses(this.#backends(), 'SIGKILL'), 200).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #backends(): number[] {
    return cgroupProcesses(this.#host.name).filter((pid) => {
      try {
        // All of the product's services are started by the same words; a pod's own name is in its
        // environment.
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return namespaceDepth(pid) === 2 && environment.includes('HOSTNAME=backend-');
      } catch {
        return false; // Ended in the meantime.
      }
    });
  }
}

async function untilHelmWorks(host: TestHost): Promise<void> {
  await host.until('Helm works', 240, async () =>
    placesOf(await readState(host), 'upgrade').some((place) => place.startsWith('upgrade_helm:'))
      ? true
      : undefined,
  );
}

/**
 * Created again for each attempt's host by the closures' own state; the tree is killed, so Helm is cut off in
 * its work.
 */
export function damageCases(): Trial[] {
  const place = 'upgrade_helm:helm-at-work';
  const aim = { graph: 'upgrade', kill: 'tree', place } as const;
  const loops = new Map<string, CrashLoop>();
  return [
    {
      ...aim,
      id: 'resume with the ingress dead',
      afterMs: 2_000,
      again: async (host, graph) => {
        await endIngress(host);
        return mendedWhenReported(host, graph, /warn +ingress/, () => startIngress(host));
      },
    },
    {
      ...aim,
      id: 'resume with new pods crash-looping',
      // Three starts and more: the kubelet calls it a loop after the second.
      afterMs: 15_000,
      beside: async (host) => {
        const loop = new CrashLoop(host);
        loops.set(host.name, loop);
        await untilHelmWorks(host);
        loop.start();
        return undefined;
      },
      again: async (host, graph) => {
        try {
          return await mendedWhenReported(
            host,
            graph,
            /warn +pods: .*(CrashLoopBackOff|exit code 137)/,
            async () => loops.get(host.name)?.stop(),
          );
        } finally {
          loops.get(host.name)?.stop();
        }
      },
    },
  ];
}
