import { valuesOfRelease } from './values-file.ts';
import * as z from 'zod';
import { setTimeout as sleep } from 'node:timers/promises';
import { causeChain, IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { bodyExcerpt, probe, type ProbeAnswer, urlHost } from '../host/http-probe.ts';
import type { Kubectl } from '../host/kubectl.ts';
import type { HealthRoute, Product } from '../payload/product-schema.ts';
import { unexpectedPart } from '../policy/expected-answer.ts';
import { valueAt } from '../policy/values-patches.ts';
import { toEdit } from '../shell-word.ts';
import type { ProductPaths } from './product-paths.ts';
import { trustedOf } from './route-certificate.ts';
import { endpointOf } from './route-endpoint.ts';
import { type RouteTarget, routeTarget, type RouteValues } from './route-target.ts';

const pauseMs = 2000;
const probeTimeoutMs = 5000;
/** A body with an expected text or field is read so far. */
const expectedBodyBytes = 1024 * 1024;

export function fqdnOf({ values: { keys } }: Pick<Product, 'values'>, { path, root }: RouteValues): string {
  const fqdn = valueAt(root, keys.fqdn);
  if (typeof fqdn === 'string' && fqdn !== '') return fqdn;
  throw new IvaapError('preflight', `${path} has no string at ${keys.fqdn.join('.')}`, {
    hint: `Set it to the name by which clients reach this host (${toEdit(path)}).`,
  });
}

/** What a route is asked with. */
export interface RouteAsking {
  product: Pick<Product, 'namespace' | 'values'>;
  /** As Helm has them: the operator's, with the overlay above. */
  values: RouteValues;
  /** Awaited by the routes that ask the API server where they lead or what their certificate is. */
  kubectl: () => Promise<Pick<Kubectl, 'get' | 'list'>>;
}

/** Throws `preflight` where the values cannot be read. */
export async function askingOf(ctx: {
  product: RouteAsking['product'];
  paths: Pick<ProductPaths, 'values' | 'overlay'>;
  program: string;
  kubectl: Kubectl;
}): Promise<RouteAsking> {
  return { product: ctx.product, values: await valuesOfRelease(ctx), kubectl: async () => ctx.kubectl };
}

export type RouteAnswer = {
  /** That was asked last. */
  url: string;
  /** It is where a redirect led. */
  followed: boolean;
  healthy: boolean;
} & (
  | { answered: true; status: number; excerpt: string; unexpected: string; verified?: boolean }
  | { answered: false; reason: string }
);

/** What came back, as it is said after the route's title. */
export function answerText(answer: RouteAnswer): string {
  if (!answer.answered) return foreign(answer.reason);
  const { status, unexpected } = answer;
  return `status ${status}${unexpected === '' ? '' : `, ${unexpected}`}`;
}

/** As {@link answerText}, with the place where a redirect led. */
export const answerAtText = (answer: RouteAnswer): string =>
  `${answerText(answer)}${answer.followed ? ` at ${foreign(answer.url)}` : ''}`;

/** Whether the certificate of an answer by https was verified, as it is recorded. */
export function certificateText(answer: RouteAnswer): 'verified' | 'not verified' | undefined {
  if (!answer.answered || answer.verified === undefined) return undefined;
  return answer.verified ? 'verified' : 'not verified';
}

/** Where a route is asked. Throws `preflight` where the values do not say it. */
export const targetOf = (route: HealthRoute, { product, values }: RouteAsking): RouteTarget =>
  routeTarget(route, values, fqdnOf(product, values));

/** Asks a route once. Throws `preflight` where the values do not say where; all else is an answer. */
export async function probeRoute(
  route: HealthRoute,
  asking: RouteAsking,
  {
    signal,
    timeoutMs = probeTimeoutMs,
    verify = true,
  }: { signal?: AbortSignal | undefined; timeoutMs?: number; verify?: boolean } = {},
): Promise<RouteAnswer> {
  const target = targetOf(route, asking);
  const { scheme, host, path } = target;
  const { namespace } = asking.product;
  const limit = AbortSignal.timeout(timeoutMs);
  const limited = signal === undefined ? limit : AbortSignal.any([limit, signal]);
  const kubectl = () => Promise.race([asking.kubectl(), aborted(limited)]);
  try {
    const endpoint = await endpointOf(target, namespace, kubectl, limited);
    const trusted = verify ? await trustedOf(target, namespace, kubectl, limited) : undefined;
    const isRead = route.expectText !== undefined || route.expectJson !== undefined;
    const result = await probe({
      ...endpoint,
      scheme,
      path,
      host,
      trusted,
      // What is expected is not followed.
      follow: route.expectStatus < 300 || route.expectStatus > 399,
      bodyBytes: isRead ? expectedBodyBytes : undefined,
      timeoutMs,
      signal,
    });
    const { url, followed } = result;
    return result.answered
      ? { url, followed, ...judged(route, result) }
      : { url, followed, healthy: false, answered: false, reason: result.reason };
  } catch (error) {
    const url = `${scheme}://${urlHost(host)}${path}`;
    const late = `the API server did not say within ${timeoutMs / 1000} s where it is`;
    return {
      url,
      followed: false,
      healthy: false,
      answered: false,
      reason: limit.aborted ? late : causeChain(error).join(': '),
    };
  }
}

/** Rejects when the signal is aborted, and never resolves. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });

function judged(route: HealthRoute, answer: ProbeAnswer) {
  const { status, verified, unfollowed } = answer;
  const unexpected = unexpectedPart(route, answer);
  return {
    healthy: unexpected === undefined,
    answered: true as const,
    status,
    excerpt: bodyExcerpt(answer),
    unexpected: unexpected === '' ? (unfollowed ?? '') : (unexpected ?? ''),
    ...(verified === undefined ? {} : { verified }),
  };
}

/** Probes until the route answers as expected, or the time is up; returns the last answer. */
export async function probeUntilHealthy(
  route: HealthRoute,
  asking: RouteAsking,
  options: { timeoutMs: number; signal?: AbortSignal; onAnswer?: (answer: string, attempt: number) => void },
): Promise<RouteAnswer> {
  const end = performance.now() + options.timeoutMs;
  for (let attempt = 1; ; attempt += 1) {
    options.signal?.throwIfAborted();
    const result = await probeRoute(route, asking, { signal: options.signal });
    if (result.healthy || performance.now() + pauseMs > end) return result;
    options.onAnswer?.(answerText(result), attempt);
    await sleep(pauseMs, undefined, { signal: options.signal });
  }
}

/** What a route's path is before the values are read. */
export const pathText = ({ path }: HealthRoute): string =>
  typeof path === 'string' ? path : `${path.values.join('.')} of the values${path.below ?? ''}`;

/** The way to a route, as a plan says it. */
export function wayText({ via }: HealthRoute): string {
  if (via === undefined) return 'through the ingress';
  const name = (said: string | { values: string[] }) =>
    typeof said === 'string' ? said : `that ${said.values.join('.')} of the values names`;
  if ('service' in via) return `at the Service ${name(via.service)}`;
  return 'ingressClass' in via
    ? `through the ingress class ${name(via.ingressClass)}`
    : `at the address ${name(via.address)}`;
}

/** Flows that end with the product's health routes. */
export type HealthFlow = 'install' | 'upgrade' | 'restore';

export const healthStepId = (flow: HealthFlow, route: string): string =>
  `${flow === 'install' ? '' : `${flow}_`}health_${route}`;

/** Top-level key of a route's result, in both flows. */
export const healthKey = ({ id }: Pick<HealthRoute, 'id'>): string => `health_${id}`;

const routeResult = z.object({
  url: z.string(),
  status: z.int().optional(),
  /** Of an answer by https. */
  certificate: z.enum(['verified', 'not verified']).optional(),
  answer: z.string().optional(),
  waived: z.string().optional(),
});

export type RouteResult = z.infer<typeof routeResult>;

/** What a health step returns, by {@link healthKey}: how the route answered, or why it was waived. */
export const healthResult = z.record(z.string(), routeResult);

export type HealthResult = z.infer<typeof healthResult>;
