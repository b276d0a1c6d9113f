import * as z from 'zod';
import { bootId, isAlive, uptimeSeconds } from './system.ts';

/** A Helm that was started by a run, recorded before it did anything. */
const helmProcessSchema = z.looseObject({
  pid: z.int(),
  /** Clock ticks after boot. */
  startTime: z.int(),
  bootId: z.string(),
  verb: z.enum(['install', 'upgrade', 'uninstall']),
  /** ISO 8601. */
  begunAt: z.string(),
  /** When Helm's own wait ends: by then it has done it, or failed. */
  until: z.string(),
  /** When its rollback after a failure ends at the latest; the same as `until` where none follows. */
  latest: z.string(),
  /** The release's last revision before it started. */
  revisionBefore: z.int(),
  /** SHA-256 of the operator's values, and the payload's digest: what it was started with. */
  values: z.string(),
  payload: z.string(),
  /** When we saw it end; absent where we died before it did. */
  endedAt: z.string().optional(),
});

export type HelmProcess = z.infer<typeof helmProcessSchema>;

/** Of `helm` in the state: what is known of Helm beyond the run that started it. */
export interface HelmJournal {
  /** The Helm that was started last; it may have ended long ago. */
  process?: HelmProcess;
  /** The repair of an install that was cut off took the release's only record away. */
  emptied?: boolean;
}

export function readHelmJournal(kept: unknown): HelmJournal {
  const { process, emptied } = (kept ?? {}) as Record<string, unknown>;
  return { process: helmProcessSchema.safeParse(process).data, emptied: emptied === true };
}

/**
 * How long a Helm takes at most from its start until its revision is on record: it renders and asks the
 * server before.
 */
const recordWithinMs = 300_000;
/** Helm's record and our journal are written by two processes, on a clock that may be set in between. */
const slackMs = 5_000;

/**
 * Between which times a record must have been started to be that Helm's: `first` ends the time for the
 * revision that it makes first.
 */
export function ownSpan(process: HelmProcess): { from: Date; first: Date; to: Date } {
  const started = Date.parse(process.begunAt);
  const booted = Date.now() - uptimeSeconds() * 1000;
  const ends = [
    Date.parse(process.endedAt ?? process.latest),
    // A reboot ends every process.
    ...(process.bootId === bootId() ? [] : [booted]),
  ];
  const to = Math.min(...ends) + slackMs;
  return {
    from: new Date(started - slackMs),
    first: new Date(Math.min(to, started + recordWithinMs)),
    to: new Date(to),
  };
}

/** The Helm of the journal, if it is still at work. */
export function runningHelm({ process }: HelmJournal): HelmProcess | undefined {
  return process !== undefined && isAlive(process) ? process : undefined;
}
