import type { StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { blockersOfDump, describeHolder, type LockHolder } from '../host/database-sessions.ts';
import { known } from '../known.ts';
import type { UpgradeContext } from '../release/context.ts';
import { sudo } from '../shell-word.ts';

const lookMs = 2_000;

/** The command that ends one session, as it can be typed on this host. */
export async function endSession(
  { database, product }: Pick<UpgradeContext, 'database' | 'product'>,
  pid: number,
): Promise<string> {
  const { container, user, selector } = product.database;
  const pod = await known(database.pod());
  const where = `-n ${product.namespace} ${pod.known ? pod.value : `POD_OF_${selector}`} -c ${container}`;
  const psql = `psql -U ${user} -d postgres -c "SELECT pg_terminate_backend(${pid})"`;
  return `${sudo.kubectl} exec ${where} -- ${psql}`;
}

/**
 * Runs a dump, and reports who locks the tables that it waits for, as long as it has written nothing. A
 * failure for that reason names them too. `progressed` returns the number of bytes written.
 */
export async function reportingLockHolders<T>(
  ctx: Pick<UpgradeContext, 'database' | 'product'>,
  io: Pick<StepIo, 'signal' | 'progress' | 'warn'>,
  progressed: () => number,
  dump: () => Promise<T>,
): Promise<T> {
  const { lockTimeoutSeconds } = ctx.product.backup;
  let holders: LockHolder[] = [];
  let looking: Promise<void> | undefined;
  let reported = '';
  const look = async () => {
    const found = await known(blockersOfDump(ctx.database, io.signal));
    if (!found.known || found.value.length === 0) return;
    holders = found.value;
    const who = holders.map(describeHolder).join('; ');
    const pids = holders.map(({ pid }) => pid).join();
    if (reported !== pids) io.warn(`the dump waits, for up to ${lockTimeoutSeconds} s, for ${who}`);
    reported = pids;
    io.progress({ done: 0, unit: 'bytes', note: `waits for ${who}` });
  };
  const timer = setInterval(() => {
    if (progressed() === 0) looking ??= look().finally(() => (looking = undefined));
  }, lookMs);
  try {
    return await dump();
  } catch (error) {
    const [first] = holders;
    if (first === undefined || progressed() > 0 || io.signal.aborted) throw error;
    throw new IvaapError(
      'failed',
      `the dump waited ${lockTimeoutSeconds} s for a table that another ` +
        `session holds: ${holders.map(describeHolder).join('; ')}`,
      {
        cause: error,
        hint: `wait for that session to end, or end it: ${await endSession(ctx, first.pid)}`,
        output: error instanceof IvaapError ? error.output : undefined,
      },
    );
  } finally {
    clearInterval(timer);
    await looking;
  }
}
