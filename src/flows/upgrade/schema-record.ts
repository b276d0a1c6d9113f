import type { Journal } from '../../engine/journal.ts';
import type { JsonObject } from '../../engine/step.ts';
import type { SchemaVerdict } from '../../policy/schema-verdict.ts';

/** Beside the point of no return; an answer is not replaced by none. */
export function recordSchema(journal: Journal, verdict: SchemaVerdict): Promise<void> {
  return journal.update((draft, at) => {
    const point = draft.run?.pointOfNoReturn;
    if (point === undefined) return;
    if (verdict.kind === 'unknown' && point.found !== undefined) return;
    point.found = { at, data: structuredClone(verdict) as JsonObject };
  });
}
