import type { State } from '../engine/state.ts';
import type { PgDump } from './dump-record.ts';
import { copyOptions, fillCopy, type FillOptions } from './fill-copy.ts';
import { type ScratchContext, withScratch } from './scratch-database.ts';

/** That a dump was restored, and how it was found to be whole. */
export type Verification = NonNullable<State['verified']>[string];

/** Of a dump: the one that holds for the file as it was written; undefined where it was never restored. */
export function verificationOf(
  state: Pick<State, 'verified'>,
  { path, sha256 }: Pick<PgDump, 'path' | 'sha256'>,
): Verification | undefined {
  const found = state.verified?.[path];
  return found?.sha256 === sha256 ? found : undefined;
}

/** From here on the dump counts as verified. */
export function recordVerified(
  draft: Pick<State, 'verified' | 'unverified'>,
  path: string,
  verified: Verification,
): void {
  forgetVerification(draft, [path]);
  draft.verified = { ...draft.verified, [path]: verified };
}

/** Takes out what is known of these dumps, found whole or not. */
export function forgetVerification(
  draft: Pick<State, 'verified' | 'unverified'>,
  paths: readonly unknown[],
): void {
  const others = <T>(all: Record<string, T> = {}) =>
    Object.fromEntries(Object.entries(all).filter(([path]) => !paths.includes(path)));
  draft.verified = others(draft.verified);
  draft.unverified = others(draft.unverified);
}

/**
 * Restores a dump into a database of its own beside the live one, compares the rows of every table with those
 * in the file, gives it what belongs to the database itself, and drops it. Throws 'failed' where any of it
 * does not hold. The live database is only read.
 */
export async function verifyDump(
  ctx: ScratchContext,
  dump: Pick<PgDump, 'folder' | 'path' | 'sizeBytes' | 'sha256' | 'textBytes'>,
  options: FillOptions,
): Promise<Verification> {
  const started = performance.now();
  const { signal } = options;
  const like = await copyOptions(ctx, dump, signal);
  return withScratch(ctx, { kind: 'verify', ...like, signal }, async (into, name) => {
    const { totalRows } = await fillCopy(ctx, { name, into }, dump, options);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    const at = ctx.now().toISOString();
    return { at, sha256: dump.sha256, rows: totalRows, seconds, how: 'restored' };
  });
}
