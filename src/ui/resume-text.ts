import type { EngineEvent } from '../engine/events.ts';
import { printableLine } from './sanitize.ts';

type Resumed = Extract<EngineEvent, { type: 'run.resumed' }>;

/**
 * What a resumed run found, who started it and when. Times are UTC, with the day where it is not the day of
 * the start.
 */
export function resumeLines(event: Resumed): string[] {
  const { startedAt, by, noReturnAt, found, kept, again, left = [] } = event;
  const time = (at: string) =>
    at.slice(0, 10) === startedAt.slice(0, 10) ? at.slice(11, 19) : `${at.slice(0, 10)} ${at.slice(11, 19)}`;
  const who = by === undefined ? '' : ` by ${printableLine(by)}`;
  const lines = [
    `resuming the run started ${startedAt.slice(0, 10)} ${startedAt.slice(11, 16)} UTC${who}`,
    ...found.map(({ step, how, at, after, error }) =>
      how === 'failed'
        ? `failed in ${step} ${time(at)}: ${printableLine(error ?? '')}`
        : `cut off in ${step} ` +
          `${after === undefined ? 'at its start' : `after ${after}`} ` +
          `(started ${time(at)})`,
    ),
  ];
  if (noReturnAt !== undefined) lines.push(`past the point of no return since ${time(noReturnAt)}`);
  if (kept.length > 0) {
    lines.push(`done and kept: ${kept.map(({ step, at }) => `${step} ${time(at)}`).join(', ')}`);
  }
  for (const { step, why } of again) lines.push(`done, but runs again: ${step}, ${printableLine(why)}`);
  if (left.length > 0) lines.push(`to do: ${left.join(', ')}`);
  return lines;
}
