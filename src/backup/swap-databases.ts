import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { rolesIn } from '../host/database-sql.ts';
import { openSessions } from '../host/database-sessions.ts';
import { besideBoth, readMark } from './copy-mark.ts';
import { restoreFiles } from './dump-files.ts';
import { textBeside } from './fill-copy.ts';
import type { ScratchContext } from './scratch-database.ts';
import { isBeside } from './scratch-name.ts';

type SwapContext = Pick<ScratchContext, 'database' | 'product'>;

export interface Swap {
  /** The database that becomes the live one. */
  incoming: string;
  /** The name that the live one gets. */
  outgoing: string;
}

interface SwapOptions extends Swap {
  /** Of the dump whose roles hold with the incoming one; without it they stay as they are. */
  folder?: string | undefined;
  /** Ends sessions of others; otherwise the swap is refused while there is one. */
  endSessions: boolean;
  signal?: AbortSignal;
}

/** Sessions of what has just ended may take a moment. */
const settleMs = 5000;
const tries = 10;
const swapMs = 60_000;

/**
 * Gives the live database one name and the incoming one the live one's, both in one transaction, with the
 * roles as they were: whatever comes between, one of the two states is there, whole. A new session waits
 * while a database is renamed, and comes to the one that has the name then. A second call finds that it is
 * done. Throws 'failed' while others work with the live one, and where it could not be renamed.
 */
export async function swapDatabases(ctx: SwapContext, options: SwapOptions): Promise<void> {
  const { incoming, outgoing, endSessions, folder, signal } = options;
  const live = ctx.product.database.name;
  const server = besideBoth(ctx);
  const limits = { discard: true, timeoutMs: swapMs, ...(signal && { signal }) };
  const variables = { incoming, outgoing, live };
  // What a killed run has started in the pod must not rename them later.
  await server.execute(ended("application_name = :'incoming'"), {
    ...limits,
    variables,
    application: incoming,
  });
  if ((await swapped(ctx, options, signal)) === 'after') return;
  const mark = await readMark(ctx, incoming, signal);
  if (mark === undefined && !isBeside(incoming, live, 'moved')) throw notProved(incoming);
  const roles = rolesIn((await textBeside({ path: '', folder }, restoreFiles.before)) ?? '')?.become ?? '';
  const comment = mark === undefined ? '' : mark.comment === null ? 'NULL' : ":'comment'";
  // As late as can be: a session that comes back before its database is renamed keeps it from that.
  const statements = `BEGIN;
${roles}${ended(`datname = :'incoming'${endSessions ? " OR datname = :'live'" : ''}`)}ALTER DATABASE :"live" RENAME TO :"outgoing";
ALTER DATABASE :"incoming" RENAME TO :"live";
${comment === '' ? '' : `COMMENT ON DATABASE :"live" IS ${comment};\n`}COMMIT;
`;
  let failed: unknown;
  for (let count = 1; count <= tries; count += 1) {
    if (!endSessions) await assertNoSessions(ctx, signal);
    try {
      await server.execute(statements, {
        ...limits,
        variables: { ...variables, comment: mark?.comment ?? '' },
        application: incoming,
      });
    } catch (error) {
      failed = error;
      signal?.throwIfAborted();
    }
    // An answer may be lost, and psql takes statements that were cut off for all.
    if ((await swapped(ctx, options, signal)) === 'after') return;
  }
  const open = await sessionsOf(ctx, signal);
  throw new IvaapError(
    'failed',
    `the databases ${foreign(live)} and ${foreign(incoming)} could not be renamed`,
    {
      cause: failed,
      output: open.join('\n'),
      hint: 'end what uses the database, then run the same command again',
    },
  );
}

/**
 * Which of the two states is there. Throws 'failed' where neither is, and where the server does not answer.
 */
export async function swapped(
  ctx: SwapContext,
  { incoming, outgoing }: Swap,
  signal?: AbortSignal,
): Promise<'before' | 'after'> {
  const live = ctx.product.database.name;
  const rows = await besideBoth(ctx).query('SELECT datname FROM pg_database', signal);
  const there = [live, incoming, outgoing].filter((name) => rows.some(([found]) => found === name));
  if (there.includes(live) && there.length === 2) return there.includes(incoming) ? 'before' : 'after';
  throw new IvaapError(
    'failed',
    `the databases of the restore are not there as they were left: of ${foreign(live)}, ` +
      `${foreign(incoming)} and ${foreign(outgoing)} there ${there.length === 1 ? 'is' : 'are'} ` +
      `${there.length === 0 ? 'none' : foreign(there.join(', '))}`,
    { hint: 'run the same command again' },
  );
}

/** Who works with the live database, and what keeps it from being renamed: one line each. */
export const sessionsOf = (ctx: SwapContext, signal?: AbortSignal): Promise<string[]> =>
  openSessions(besideBoth(ctx), ctx.product.database.name, signal);

/** How long sessions of others are waited for. */
const patienceMs = 60_000;

/** Sessions of others are named, and have a while to end by themselves: then they are to be ended. */
export async function letGo(
  ctx: SwapContext,
  io: { signal: AbortSignal; warn: (line: string) => void },
): Promise<void> {
  const end = performance.now() + patienceMs;
  for (let told = false; ; told = true) {
    const open = await sessionsOf(ctx, io.signal);
    if (open.length === 0 || performance.now() > end) return;
    if (!told) {
      io.warn(
        `other sessions use the database, and are ended in ${patienceMs / 1000} s: ` +
          open.map(foreign).join('; '),
      );
    }
    await sleep(1000, undefined, { signal: io.signal });
  }
}

/** Ends all sessions in the live database. */
export async function endSessions(ctx: SwapContext, signal: AbortSignal): Promise<void> {
  const variables = { live: ctx.product.database.name };
  await besideBoth(ctx).execute(ended("datname = :'live'"), {
    variables,
    discard: true,
    timeoutMs: swapMs,
    signal,
  });
}

async function assertNoSessions(ctx: SwapContext, signal?: AbortSignal): Promise<void> {
  const until = performance.now() + settleMs;
  for (;;) {
    const open = await sessionsOf(ctx, signal);
    if (open.length === 0) return;
    if (performance.now() > until) {
      throw new IvaapError(
        'failed',
        `other sessions use the database ${foreign(ctx.product.database.name)}, and what they write ` +
          `would not be in the restored one: ${open.slice(0, 3).map(foreign).join('; ')}` +
          `${open.length > 3 ? `; ${open.length - 3} more` : ''}`,
        { output: open.join('\n'), hint: 'end them, then run the same command again' },
      );
    }
    await sleep(500, undefined, { signal });
  }
}

/** Ends sessions, others than the one that runs it. */
const ended = (which: string) => `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND (${which});
`;

const notProved = (name: string) =>
  new IvaapError('failed', `the database ${foreign(name)} is not a complete copy: it is not taken`, {
    hint: 'run the same command again',
  });
