import * as z from 'zod';
import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { probe, type ProbeResult } from '../host/http-probe.ts';
import type { HealthRoute, Product } from '../payload/product-schema.ts';
import { valueAt } from '../policy/values-patches.ts';
import { toEdit } from '../shell-word.ts';
import type { ValuesFile } from './values-file.ts';

const pauseMs = 2000;
const probeTimeoutMs = 5000;

export function fqdnOf(product: Product, values: ValuesFile): string {
  const path = product.values.keys.fqdn;
  const fqdn = valueAt(values.root, path);
  if (typeof fqdn === 'string' && fqdn !== '') return fqdn;
  throw new IvaapError('preflight', `${values.path} has no string at ${path.join('.')}`, {
    hint: `Set it to the name by which clients reach this host (${toEdit(values.path)}).`,
  });
}

export const answerText = (result: ProbeResult): string =>
  result.answered ? `status ${result.status}` : foreign(result.reason);

export function probeRoute(
  route: HealthRoute,
  fqdn: string,
  signal?: AbortSignal,
  timeoutMs = probeTimeoutMs,
): Promise<ProbeResult & { healthy: boolean }> {
  const { port, path, expectStatus } = route;
  return probe({
    port,
    path,
    host: fqdn,
    timeoutMs,
    signal,
  }).then((result) => ({ ...result, healthy: result.answered && result.status === expectStatus }));
}

/** Probes until the route answers with the expected status, or the time is up; returns the last answer. */
export async function probeUntilHealthy(
  route: HealthRoute,
  fqdn: string,
  options: { timeoutMs: number; signal?: AbortSignal; onAnswer?: (answer: string, attempt: number) => void },
): Promise<ProbeResult & { healthy: boolean }> {
  const end = performance.now() + options.timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    const result = await probeRoute(route, fqdn, options.signal);
    if (result.healthy || performance.now() + pauseMs > end) return result;
    options.onAnswer?.(answerText(result), attempt);
    await sleep(pauseMs, undefined, { signal: options.signal });
  }
}

/** Flows that end with the product's health routes. */
export type HealthFlow = 'install' | 'upgrade' | 'restore';

export const healthStepId = (flow: HealthFlow, route: string): string =>
  `${flow === 'install' ? '' : `${flow}_`}health_${route}`;

/** Top-level key of a route's result, in both flows. */
export const healthKey = ({ id }: Pick<HealthRoute, 'id'>): string => `health_${id}`;

/** What a health step returns, by {@link healthKey}: how the route answered, or why it was waived. */
export const healthResult = z.record(
  z.string(),
  z.object({
    url: z.string(),
    status: z.int().optional(),
    answer: z.string().optional(),
    waived: z.string().optional(),
  }),
);

export type HealthResult = z.infer<typeof healthResult>;
