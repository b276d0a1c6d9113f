import * as z from 'zod';
import { isAlive } from './system.ts';

/** A Helm that was begun by a run, recorded before it did anything. */
const helmProcessSchema = z.looseObject({
  pid: z.int(),
  /** Clock ticks after boot. */
  startTime: z.int(),
  bootId: z.string(),
  verb: z.enum(['install', 'upgrade']),
  /** ISO 8601. */
  begunAt: z.string(),
  /** When Helm's own wait ends: by then it has done it, or failed. */
  until: z.string(),
  /** When its rollback after a failure ends at the latest; the same as `until` where none follows. */
  latest: z.string(),
  /** The release's last revision before it began. */
  revisionBefore: z.int(),
  /** SHA-256 of the operator's values, and the payload's digest: what it was begun with. */
  values: z.string(),
  payload: z.string(),
});

export type HelmProcess = z.infer<typeof helmProcessSchema>;

/** Of `helm` in the state: what is known of Helm beyond the run that began it. */
export interface HelmJournal {
  /** The Helm that was begun last; it may have ended long ago. */
  process?: HelmProcess | undefined;
  /** The repair of an install that was cut off took the release's only record away. */
  emptied?: boolean | undefined;
}

export function readHelmJournal(kept: unknown): HelmJournal {
  const { process, emptied } = (kept ?? {}) as Record<string, unknown>;
  return { process: helmProcessSchema.safeParse(process).data, emptied: emptied === true };
}

/** The Helm of the journal, if it is still at work. */
export function livingHelm({ process }: HelmJournal): HelmProcess | undefined {
  return process !== undefined && isAlive(process) ? process : undefined;
}
