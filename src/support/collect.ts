import { causeChain, IvaapError } from '../errors.ts';
import type { Collected, Collector, Document, SupportContext } from './collector.ts';

/** Longer ones keep their end, where logs have what happened last. */
const mostDocumentChars = 1024 * 1024;
const mostCollectorChars = 4 * mostDocumentChars;

/** Waits no longer than the collector's time, or until the operator stops; what it added until then stays. */
export async function collectOne(
  { id, title, timeoutMs, collect }: Collector,
  ctx: Omit<SupportContext, 'add' | 'signal'>,
  outer: AbortSignal,
): Promise<Collected> {
  const ended = new AbortController();
  const signal = AbortSignal.any([outer, ended.signal]);
  const documents: Document[] = [];
  let left = mostCollectorChars;
  const add = (name: string, text: string) => {
    if (signal.aborted || text === '') return;
    const cut = Math.min(mostDocumentChars, left);
    const kept = text.length <= cut ? text : endOf(text, cut);
    left -= Math.min(text.length, cut);
    documents.push({ name: name.replaceAll(/[^A-Za-z0-9._-]/g, '_'), text: kept });
  };
  const started = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const seconds = timeoutMs / 1000;
    timer = setTimeout(() => reject(new IvaapError('failed', `no answer within ${seconds} s`)), timeoutMs);
    outer.addEventListener('abort', () => reject(outer.reason as Error), { once: true });
  });
  let missing: string | undefined;
  try {
    outer.throwIfAborted();
    await Promise.race([collect({ ...ctx, signal, add }), late]);
  } catch (error) {
    missing = whyMissing(error);
  } finally {
    clearTimeout(timer);
    ended.abort(new IvaapError('failed', `the time of ${id} is over`));
  }
  const tookMs = performance.now() - started;
  return { id, title, tookMs, documents: [...documents], ...(missing === undefined ? {} : { missing }) };
}

/** Whole lines, where there are any: nobody would know half of a secret. */
function endOf(text: string, mostChars: number): string {
  const end = text.slice(text.length - mostChars);
  const kept = end.slice(end.indexOf('\n') + 1);
  return `[the first ${text.length - kept.length} characters are left out]\n${kept}`;
}

/** A file that is not there, or that this user may not read, is said as such. */
export function whyMissing(error: unknown): string {
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path !== undefined) return `there is no ${path}`;
  if (code === 'EACCES' && path !== undefined) return `this user may not read ${path}`;
  return causeChain(error).join(': ');
}
