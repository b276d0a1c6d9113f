import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { haltKey } from '../backup/restore-halt.ts';
import { causeChain, IvaapError } from '../errors.ts';
import type { Kubectl, KubeObject } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { sudo } from '../shell-word.ts';
import { idOf, seeWorkloads, type Workload, type WorkloadPod, type Workloads } from './workloads.ts';

/**
 * Stops all that could write into the database, and starts it again. What a workload was is written into its
 * own object, in the same change that stops it: whoever comes after a killed run finds it there. The script
 * that restores a dump uses the same annotation.
 */

export interface HaltPorts {
  kubectl: Pick<Kubectl, 'list' | 'patch'>;
  product: Pick<Product, 'name' | 'namespace' | 'database'>;
  signal: AbortSignal;
}

/** The flow that halts. */
export type HaltedBy = 'uninstall' | 'rollback' | 'restore' | 'upgrade';

/** A workload that is halted. */
export interface Halted {
  kind: string;
  name: string;
  /** How many it had; undefined of a CronJob. */
  replicas: number | undefined;
  /** Undefined: a script that restores a dump. */
  by: string | undefined;
}

export interface Halt {
  /** Halted by this call, or by an earlier one. */
  halted: Halted[];
  /** `DaemonSet/NAME`, `Job/NAME`, `Pod/NAME`, and what `spares` names: they go on, and may write. */
  notStopped: string[];
}

const pauseMs = 1_000;
/** A pod that its node is asked to end is ended by then, in addition to its own grace period. */
const endMs = 90_000;

/** Of a CronJob, which has no number. */
const on = 'on';

/** Whether a run has halted it: it rests, and says what it was. */
const isHalted = ({ rests, annotations }: Workload, key: string) => rests && annotations[key] !== undefined;

/** Whether a halt has set this field: 0 replicas or the suspension of an object that says what it was. */
export function isHaltedField(
  object: KubeObject & { spec?: Record<string, unknown> },
  field: string,
  product: Pick<Product, 'name'>,
): boolean {
  if (object.metadata.annotations?.[haltKey(product)] === undefined) return false;
  const { replicas, suspend } = object.spec ?? {};
  return (field === '.spec.replicas' && replicas === 0) || (field === '.spec.suspend' && suspend === true);
}

/** The annotation with the flow. */
const byKey = ({ name }: Pick<Product, 'name'>): string => `${name}-halted-by`;

function haltedOf({ kind, name, annotations }: Workload, product: Pick<Product, 'name'>): Halted {
  const by = annotations[byKey(product)];
  if (kind === 'CronJob') return { kind, name, replicas: undefined, by };
  const was = annotations[haltKey(product)] ?? '';
  // What cannot be read was started all the same.
  return { kind, name, replicas: /^\d+$/.test(was) ? Number(was) : 1, by };
}

/** What is halted on this host now, by whatever run. Throws where the API server does not answer. */
export async function haltedNow({ kubectl, product, signal }: HaltPorts): Promise<Halted[]> {
  const { scalable, database } = await seeWorkloads(kubectl, product, signal);
  return haltedAmong([...scalable, ...database.scalable], product);
}

const haltedAmong = (all: readonly Workload[], product: Pick<Product, 'name'>): Halted[] =>
  all.filter((one) => isHalted(one, haltKey(product))).map((one) => haltedOf(one, product));

/**
 * Halts all workloads of the namespace except the database, and waits until their pods have ended. What rests
 * without the annotation was not started, and stays so. `spares`: what is left running, since it is others'.
 * Throws `failed` where a pod does not end, or a workload is started again meanwhile; what was halted by then
 * stays halted.
 */
export async function haltWorkloads(
  ports: HaltPorts,
  {
    by,
    spares = () => false,
    say,
  }: { by: HaltedBy; spares?: (id: string) => boolean; say: (line: string) => void },
): Promise<Halt> {
  const { kubectl, product, signal } = ports;
  const { scalable } = await seeWorkloads(kubectl, product, signal);
  const stopped = scalable.filter((one) => !spares(idOf(one)));
  for (const one of stopped) await haltOne(ports, one, { by, say });
  const now = await waitForPods(ports, new Set(stopped.map(idOf)));
  const runs = now.scalable.filter((one) => !one.rests).map(idOf);
  return {
    halted: haltedAmong(now.scalable, product),
    notStopped: [...new Set([...runs, ...now.others, ...now.pods.map(({ of }) => of)])],
  };
}

/** What it was is written in the same change. One that rests may say it already. */
async function haltOne(
  { kubectl, product, signal }: HaltPorts,
  { kind, name, replicas, rests }: Workload,
  { by, say }: { by: HaltedBy; say: (line: string) => void },
): Promise<void> {
  signal.throwIfAborted();
  if (rests) return;
  const spec = replicas === undefined ? { suspend: true } : { replicas: 0 };
  const annotations = {
    [haltKey(product)]: replicas === undefined ? on : String(replicas),
    [byKey(product)]: by,
  };
  const { namespace } = product;
  await kubectl.patch(kind, name, { metadata: { annotations }, spec }, { namespace, signal });
  const was = replicas === undefined ? 'was not suspended' : `had ${replicas}`;
  say(`${idOf({ kind, name })} is halted: it ${was}`);
}

/**
 * Halts the database itself, and waits until no pod of it is left: nothing works in its data folder then.
 * Throws `failed` where a pod does not end.
 */
export async function haltDatabase(
  ports: HaltPorts,
  how: { by: HaltedBy; say: (line: string) => void },
): Promise<void> {
  const { kubectl, product, signal } = ports;
  const { database } = await seeWorkloads(kubectl, product, signal);
  for (const one of database.scalable) await haltOne(ports, one, how);
  let end: number | undefined;
  for (;;) {
    const { pods } = (await seeWorkloads(kubectl, product, signal)).database;
    if (pods.length === 0) return;
    end ??= performance.now() + graceMsOf(pods) + endMs;
    if (performance.now() > end) throw podsStay(pods, product);
    await sleep(pauseMs, undefined, { signal });
  }
}

/** Of each workload of the database, by `KIND/NAME`: its life, and the generation that it had. */
export const databaseLives = z.record(z.string(), z.object({ uid: z.string(), generation: z.int() }));

type DatabaseLives = z.infer<typeof databaseLives>;

/** What the database's workloads are now. Whoever starts or stops one raises its generation. */
export async function livesOfDatabase({ kubectl, product, signal }: HaltPorts): Promise<DatabaseLives> {
  const { database } = await seeWorkloads(kubectl, product, signal);
  return Object.fromEntries(
    database.scalable.map((one) => [idOf(one), { uid: one.uid, generation: one.generation }]),
  );
}

/**
 * Whether the database runs, or rests since {@link haltDatabase} alone has changed it after `lives`;
 * `started`: somebody else has started it meanwhile, and it rests again.
 */
export async function databaseSince(
  { kubectl, product, signal }: HaltPorts,
  lives: DatabaseLives,
): Promise<'runs' | 'rests' | 'started'> {
  const { database } = await seeWorkloads(kubectl, product, signal);
  if (database.pods.length > 0 || !database.scalable.every(({ rests }) => rests)) return 'runs';
  const isHaltedOnce = database.scalable.every((one) => {
    const was = lives[idOf(one)];
    return was?.uid === one.uid && one.generation - was.generation <= 1;
  });
  return isHaltedOnce ? 'rests' : 'started';
}

const graceMsOf = (pods: readonly WorkloadPod[]) =>
  Math.max(...pods.map(({ graceSeconds }) => graceSeconds)) * 1000;

function podsStay(pods: readonly WorkloadPod[], { namespace }: Pick<Product, 'namespace'>): IvaapError {
  const names = pods.map(({ name, of }) => `${name} (${of})`).join(', ');
  return new IvaapError('failed', `pods do not end, and may still write: ${names}`, {
    hint: `${sudo.kubectl} describe pod -n ${namespace} ${pods[0]?.name ?? ''}`,
  });
}

/** Until the pods of what is stopped have ended, and all that are ending anyway. */
async function waitForPods(
  { kubectl, product, signal }: HaltPorts,
  stopped: ReadonlySet<string>,
): Promise<Workloads> {
  const { namespace } = product;
  let end: number | undefined;
  for (;;) {
    const now = await seeWorkloads(kubectl, product, signal);
    const started = now.scalable.find((one) => !one.rests && stopped.has(idOf(one)));
    if (started !== undefined) {
      const by = started.owner === undefined ? 'somebody' : started.owner;
      throw new IvaapError('failed', `${idOf(started)} was halted, and ${by} has started it again`, {
        hint: `${sudo.kubectl} get -n ${namespace} ${idOf(started)} -o yaml --show-managed-fields`,
      });
    }
    const waited = now.pods.filter(({ of, ending }) => ending || stopped.has(of));
    if (waited.length === 0) return now;
    end ??= performance.now() + graceMsOf(waited) + endMs;
    if (performance.now() > end) throw podsStay(waited, product);
    await sleep(pauseMs, undefined, { signal });
  }
}

export interface Started {
  started: Halted[];
  /** Somebody has started them since; they are left as they are. */
  changed: string[];
  failed: { id: string; why: string }[];
}

/**
 * Brings what was halted back to what it was, also what an earlier run halted, and removes the annotation;
 * with `by` only what that flow has halted. One that cannot be started does not stop the others.
 */
export async function startWorkloads(
  { kubectl, product, signal }: HaltPorts,
  { by }: { by?: HaltedBy } = {},
): Promise<Started> {
  const { namespace } = product;
  const key = haltKey(product);
  const { scalable, database } = await seeWorkloads(kubectl, product, signal);
  const result: Started = { started: [], changed: [], failed: [] };
  for (const one of [...database.scalable, ...scalable].filter(
    ({ annotations }) => annotations[key] !== undefined,
  )) {
    const { kind, name } = one;
    const was = haltedOf(one, product);
    if (by !== undefined && was.by !== by) continue;
    const spec = was.replicas === undefined ? { suspend: false } : { replicas: was.replicas };
    const annotations = { [key]: null, [byKey(product)]: null };
    const patch = { metadata: { annotations }, ...(one.rests ? { spec } : {}) };
    try {
      await kubectl.patch(kind, name, patch, { namespace, signal });
      if (one.rests) result.started.push(was);
      else result.changed.push(idOf(one));
    } catch (error) {
      signal.throwIfAborted();
      result.failed.push({ id: idOf(one), why: causeChain(error)[0] ?? '' });
    }
  }
  return result;
}

/** `Deployment/backend, CronJob/nightly: halted by an uninstall`. */
export function haltText(halted: readonly Halted[]): string {
  const flows = [...new Set(halted.map(({ by = 'restore' }) => `${/^[aeiou]/.test(by) ? 'an' : 'a'} ${by}`))];
  return `${halted.map(idOf).join(', ')}: halted by ${flows.join(' and ')} that has not ended`;
}

/** What is typed to start what is halted, in one line for any number of them; it needs no executable. */
export function startCommand(halted: readonly Halted[], { namespace }: Pick<Product, 'namespace'>): string {
  const counts = [...new Set(halted.map(({ replicas }) => replicas))];
  const commands = counts.flatMap((replicas) => {
    const ids = halted.filter((one) => one.replicas === replicas).map((one) => idOf(one).toLowerCase());
    if (replicas !== undefined)
      return `${sudo.kubectl} scale -n ${namespace} --replicas=${replicas} ${ids.join(' ')}`;
    return ids.map((id) => `${sudo.kubectl} patch -n ${namespace} ${id} -p '{"spec":{"suspend":false}}'`);
  });
  return commands.join('; ');
}
