import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { labClone, labDown, labHosts, labSnapshot, labUp } from '../lab/host.ts';
import { locked, until } from '../lab/process.ts';
import type { Finished } from '../lab/process.ts';
import { traces } from '../lab/traces.ts';
import { explain } from './failure-report.ts';
import type { GoldenName } from './golden.ts';
import { findSnapshot, goldens, snapshotName } from './golden.ts';
import { TestHost } from './host.ts';

let hosts = 0;

/** Hosts are named after the process that owns them, so that those of a killed run can be found and ended. */
const ownName = () => `e2e-${process.pid}-${(hosts += 1)}`;

/** Takes down what a killed test, or a command that was stopped, left. */
export async function endHostsOfTheDead(): Promise<void> {
  for (const { name } of labHosts()) {
    const owner = /^e2e-(\d+)-\d+$/.exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) await labDown(name);
  }
}

/**
 * A new running host like the golden one, which is made first where there is none; it is the caller's to take
 * down.
 */
async function cloneOf(golden: GoldenName): Promise<TestHost> {
  const host = new TestHost(ownName());
  const snapshot = snapshotName(golden);
  await locked(snapshot, async () => {
    if (await findSnapshot(golden)) return;
    await endHostsOfTheDead();
    const { from, make } = goldens[golden];
    const maker = from === undefined ? new TestHost(ownName()) : await cloneOf(from);
    try {
      if (from === undefined) await labUp(maker.name);
      await make(maker);
      await labSnapshot(maker.name, snapshot);
    } finally {
      await labDown(maker.name);
    }
  });
  try {
    await labClone(snapshot, host.name);
  } catch (error) {
    await labDown(host.name);
    throw error;
  }
  return host;
}

/**
 * Ends the host. Throws when anything that bears its name is left on the machine: processes, mounts, loop
 * devices, cgroups. Namespaces are the lab's own test: here the kernel gives their numbers to the host next
 * to this one at once.
 */
async function takeDown({ name }: TestHost): Promise<void> {
  await labDown(name);
  await until(
    10_000,
    () => traces(name).length === 0,
    () => `left of host ${name}:\n${traces(name).join('\n')}`,
  );
}

/**
 * Runs `work` on a clone of a golden host, which is taken down in every case. Work that takes longer than its
 * limit fails with what the host looked like then.
 */
export async function withHost<T>(
  golden: GoldenName,
  limitMinutes: number,
  work: (host: TestHost) => Promise<T>,
): Promise<T> {
  const host = await cloneOf(golden);
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const what = `still running on its host after ${limitMinutes} minutes, given up`;
      void explain(host, what).then((text) => reject(new Error(text)), reject);
    }, limitMinutes * 60_000);
  });
  try {
    if (golden !== 'bare') await host.untilHealthy();
    return await Promise.race([work(host), overdue]);
  } finally {
    clearTimeout(timer);
    await takeDown(host);
  }
}

/**
 * Chapters of one story on one host: each is a test of its own, and the story ends with the first that fails.
 */
export function chapters(t: TestContext, host: TestHost) {
  return async (name: string, work: () => Promise<void>): Promise<void> => {
    let failed = false;
    await t.test(name, async () => {
      try {
        await work();
      } catch (error) {
        failed = true;
        if (error instanceof assert.AssertionError || !(error instanceof Error)) {
          console.error(await explain(host, `the host when "${name}" failed`));
        }
        throw error;
      }
    });
    if (failed) throw new Error(`the story ends here: "${name}" failed`);
  };
}

/** Throws with all that is known unless the run ended with `exit`. */
export async function assertExit(
  host: TestHost,
  result: Finished,
  exit: number,
  what: string,
): Promise<void> {
  if (result.code === exit) return;
  throw new Error(await explain(host, `${what}: exit ${exit} was expected, it was ${result.code}`, result));
}
