import type { PgDump } from './dump-record.ts';
import { copyOptions, fillCopy, type FillOptions } from './fill-copy.ts';
import { giveCopy } from './rehearsal-role.ts';
import { makeScratch, type ScratchContext } from './scratch-database.ts';
import type { Verification } from './verified-dump.ts';

/**
 * Loads a dump into a database of that name beside the live one, proves it row by row as a verification does,
 * and gives it to the role of the same name, which is there already. Asks for room for twice the copy: a
 * migration may write every row anew. Throws 'failed' where any of it does not hold; what is there by then is
 * the caller's to drop.
 */
export async function loadRehearsal(
  ctx: ScratchContext,
  dump: PgDump,
  { name, user, signal, onBytes }: FillOptions & { name: string; user: string },
): Promise<Verification> {
  const started = performance.now();
  const like = await copyOptions(ctx, dump, signal);
  await makeScratch(ctx, { kind: 'rehearsal', ...like, sizeBytes: 2 * like.sizeBytes, name, signal });
  const into = ctx.database.on(name);
  const { totalRows } = await fillCopy(ctx, { name, into }, dump, { signal, onBytes });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  await giveCopy(ctx, name, { user, signal });
  return { at: ctx.now().toISOString(), sha256: dump.sha256, rows: totalRows, seconds, how: 'restored' };
}
