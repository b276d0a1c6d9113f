import { setTimeout as sleep } from 'node:timers/promises';
import { causeChain } from '../errors.ts';
import { readSchemaFingerprint } from '../host/schema-fingerprint.ts';
import type { SchemaAnswer } from '../policy/schema-verdict.ts';
import type { StepContext } from './context.ts';

const pauseMs = 2000;
const defaultAnswerSeconds = 180;

type Asked = Pick<StepContext, 'database' | 'product'>;

/** What the database tells of its schema now. Throws the signal's reason only. */
export async function askSchemaOnce(
  { database, product }: Asked,
  signal?: AbortSignal,
): Promise<SchemaAnswer> {
  const answer: SchemaAnswer = { version: undefined, fingerprint: undefined };
  try {
    answer.version = await database.schemaVersion(product.database.schemaVersionQuery, signal);
    answer.fingerprint = await readSchemaFingerprint(database, signal);
  } catch (error) {
    signal?.throwIfAborted();
    answer.why = `the database did not answer (${causeChain(error)[0] ?? 'no reason given'})`;
  }
  return answer;
}

/** How long the database may take to tell once Helm has ended: its pod may just be starting. */
export const answerMs = ({ product }: Pick<StepContext, 'product'>): number =>
  (product.database.answerSeconds ?? defaultAnswerSeconds) * 1000;

/**
 * The same, asked again until the database has told all of it, for a while. Its objects are not waited for
 * where there are none from before (`was`) to compare them with. `onWait` is called once.
 */
export async function askSchema(
  ctx: Asked & Pick<StepContext, 'insist'>,
  withinMs: number,
  { was, onWait = () => {} }: { was?: SchemaAnswer; onWait?: () => void } = {},
): Promise<SchemaAnswer> {
  const end = performance.now() + withinMs;
  let waits = false;
  for (;;) {
    const answer = await askSchemaOnce(ctx);
    const compares = was === undefined || was.fingerprint !== undefined;
    const isWhole = answer.version !== undefined && (answer.fingerprint !== undefined || !compares);
    if (isWhole || ctx.insist.aborted || performance.now() + pauseMs > end) return answer;
    if (!waits) onWait();
    waits = true;
    await sleep(pauseMs, undefined, { signal: ctx.insist }).catch(() => undefined);
  }
}
