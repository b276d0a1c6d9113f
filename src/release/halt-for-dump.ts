import * as z from 'zod';
import type { Plan, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import { clientSessions, describeHolder } from '../host/database-sessions.ts';
import type { Postgres } from '../host/postgres.ts';
import type { Product } from '../payload/product-schema.ts';
import { type Known, known } from '../known.ts';
import { type HaltedBy, type HaltPorts, haltWorkloads } from './halt.ts';
import { foreignOf, type NamespaceContents } from './ours.ts';
import { idOf, seeWorkloads } from './workloads.ts';

/** What a step that halts before a last dump does, whichever flow takes it. */

export const haltOut = z.object({
  halt: z.object({ halted: z.array(z.string()), notStopped: z.array(z.string()) }),
});

type HaltForDump = Omit<HaltPorts, 'signal'> & { contents: Known<NamespaceContents> };

/** Halts what is ours, and warns of what goes on. Throws as `haltWorkloads`. */
export async function haltForDump(
  { contents, ...ports }: HaltForDump,
  by: HaltedBy,
  io: Pick<StepIo, 'signal' | 'log' | 'warn'>,
): Promise<z.infer<typeof haltOut>> {
  const { halted, notStopped } = await haltWorkloads(
    { ...ports, signal: io.signal },
    { by, spares: othersIn(contents), say: io.log },
  );
  const before = halted.filter((one) => one.by !== by);
  if (before.length > 0) {
    const flows = [...new Set(before.map(({ by: flow = 'restore' }) => flow))].join(' and ');
    io.warn(`halted before, by a run that has not ended (${flows}): ${before.map(idOf).join(', ')}`);
  }
  if (notStopped.length > 0) {
    io.warn(
      `not stopped, since it has no number of replicas or is not ours: ${notStopped.join(', ')}; what it ` +
        'writes after the last dump is in no dump',
    );
  }
  return { halt: { halted: halted.map(idOf), notStopped } };
}

/** Names who is connected once the dump is taken: nobody ends these sessions. */
export async function warnOfSessions(
  database: Pick<Postgres, 'query'>,
  io: Pick<StepIo, 'signal' | 'log' | 'warn'>,
): Promise<void> {
  const asked = await known(clientSessions(database, io.signal));
  if (!asked.known) io.log(`who is connected to the database is not known: ${asked.why}`);
  else if (asked.value.length > 0) {
    io.warn(
      `connected to the database: ${asked.value.map(describeHolder).join('; ')}; what is written there ` +
        'after the last dump is in no dump',
    );
  }
}

/** What is to be halted, and runs. */
export async function runningNow(
  { kubectl, product, contents }: HaltForDump,
  signal: AbortSignal,
): Promise<string[]> {
  const isSpared = othersIn(contents);
  const { scalable } = await seeWorkloads(kubectl, product, signal);
  const ids = scalable.filter((one) => !one.rests).map(idOf);
  return ids.filter((id) => !isSpared(id));
}

/** The plan of such a step that has work. */
export const haltPlan = ({ namespace }: Pick<Product, 'namespace'>): Plan => ({
  action: 'run',
  summary: `stop the workloads in ${namespace}, so that nothing comes after the last dump`,
});

/** Throws `failed` where something that was halted runs. */
export async function assertStillHalted(ports: HaltForDump, signal: AbortSignal): Promise<void> {
  const started = await runningNow(ports, signal);
  if (started.length > 0) throw new IvaapError('failed', `${started.join(', ')} was started since`);
}

/** The words of a preview. */
export function haltPreview(running: readonly string[]) {
  const text = `stop ${counted(running.length, 'workload')}, so that nothing comes after the last dump`;
  const details = [`${text}: ${running.join(', ') || 'none'}`];
  return { brief: text, details, data: { stopped: [...running] } };
}

/** What is not ours goes on, as all of it stays. */
function othersIn(contents: Known<NamespaceContents>): (id: string) => boolean {
  const others = new Set(contents.known ? foreignOf(contents.value).map(idOf) : []);
  return (id) => others.has(id);
}
