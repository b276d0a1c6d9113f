import { setImmediate } from 'node:timers/promises';
import type { Cleaner } from './clean.ts';
import type { Collected, Document } from './collector.ts';

/**
 * Lets the cleaner see every document before the first one is cleaned. A document that there is no time for
 * is left out of the bundle, and named: nothing leaves the host that was not searched.
 */
export async function learnAll(
  cleaner: Cleaner,
  collected: readonly Collected[],
  { untilMs, signal }: { untilMs: number; signal: AbortSignal },
): Promise<Collected[]> {
  const searched: Collected[] = [];
  for (const part of collected) {
    if (part.missing !== undefined) cleaner.learn(part.missing);
    const documents: Document[] = [];
    const late: string[] = [];
    for (const document of part.documents) {
      // A second Ctrl-C, or a stop, is heard between two of them.
      await setImmediate();
      signal.throwIfAborted();
      if (performance.now() > untilMs) {
        late.push(document.name);
        continue;
      }
      cleaner.learn(document.text);
      documents.push(document);
    }
    const why = late.length === 0 ? [] : [`no time was left to search ${late.join(', ')} for secrets`];
    const missing = [...(part.missing === undefined ? [] : [part.missing]), ...why].join('; ');
    searched.push({ ...part, documents, ...(missing === '' ? {} : { missing }) });
  }
  return searched;
}
