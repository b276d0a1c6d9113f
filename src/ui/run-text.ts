import type { EngineEvent } from '../engine/events.ts';
import { counted } from '../policy/counted.ts';
import { formatDuration } from './format.ts';
import { printableLine } from './sanitize.ts';

type EventOf<Type extends EngineEvent['type']> = Extract<EngineEvent, { type: Type }>;

/** `upgrade 2026.1 -> 2026.2, run 2026…`, and for a resumed run what was done before. */
export function runTitle(event: EventOf<'run.started'>): string {
  const path = event.from === null || event.from === event.to ? event.to : `${event.from} -> ${event.to}`;
  const done = event.steps.filter(({ status }) => status === 'completed').length;
  const more = event.resumed
    ? `, resumed: ${done} of ` +
      `${counted(event.steps.length, 'step')} ` +
      `${done === 1 ? 'is' : 'are'} recorded as done`
    : '';
  return printableLine(`${event.flow} ${path}, run ${event.run}${more}`);
}

/** The end of a run, with every warning again. */
export function runSummary(event: EventOf<'run.completed'> | EventOf<'run.failed'>): string[] {
  const time = formatDuration(event.durationMs);
  const end =
    event.type === 'run.completed'
      ? `done in ${time}: ${counted(event.ran.length, 'step')} run, ${event.skipped.length} skipped`
      : `stopped after ${time}`;
  return [end, ...event.warnings.map((line) => `WARNING: ${printableLine(line)}`)];
}
