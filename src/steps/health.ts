import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { describePods } from '../host/pods.ts';
import type { HealthRoute } from '../payload/product-schema.ts';
import { expectedText } from '../policy/expected-answer.ts';
import type { StepContext } from '../release/context.ts';
import { describeTroubles } from '../release/trouble-text.ts';
import {
  answerText,
  askingOf,
  certificateText,
  type HealthFlow,
  healthKey,
  type HealthResult,
  healthResult,
  healthStepId,
  pathText,
  probeUntilHealthy,
  type RouteAsking,
  wayText,
} from '../release/health-route.ts';
import { sudo } from '../shell-word.ts';

/**
 * How long a route is probed whose step is waived: a failure is not waited for, but a right answer needs no
 * waiver.
 */
const waivedProbeMs = 15_000;

/** The same probe in an install, an upgrade and a restore, by the way that clients take. */
export function healthStep(
  route: HealthRoute,
  flow: HealthFlow,
  needs: readonly string[],
): Step<StepContext, HealthResult> {
  const id = healthStepId(flow, route.id);
  const key = healthKey(route);
  const expected = expectedText(route);
  return {
    id,
    out: healthResult,
    title: `${route.title} answers`,
    needs,
    revision: 1,
    inputs: (ctx) => ({ route: { ...route }, payload: ctx.payload.digest }),
    plan: async (ctx) => ({
      action: 'run',
      summary: `probe ${pathText(route)} ${wayText(route)} for up to ${route.timeoutSeconds} s`,
      data: { path: pathText(route), namespace: ctx.product.namespace },
    }),
    async run(ctx, io) {
      const asking = await askingOf(ctx);
      const waiver = ctx.waivers.find((one) => one.id === id);
      const limitMs = route.timeoutSeconds * 1000;
      const askedMs = waiver === undefined ? limitMs : Math.min(limitMs, waivedProbeMs);
      const result = await waitForRoute(route, asking, askedMs, io);
      const { url } = result;
      if (result.healthy && result.answered) {
        const certificate = certificateText(result);
        if (certificate === 'not verified') io.say(`${url}: the certificate was not verified`);
        return {
          [key]: { url, status: result.status, ...(certificate === undefined ? {} : { certificate }) },
        };
      }
      if (waiver !== undefined) {
        const { reason } = waiver;
        await io.waived({ reason, by: ctx.operator });
        io.warn(
          `waived (${reason}): ${url} gave ${answerText(result)}, expected ` +
            `${expected}; whether ${route.title} works is not proved`,
        );
        return { [key]: { url, answer: answerText(result), waived: reason } };
      }
      const troubles = await describeTroubles(ctx.kubectl, ctx.product.namespace, {
        now: ctx.now(),
        since: undefined,
        selector: route.selector,
      });
      // Pods that are ready but do not answer as expected say why in their logs, if anywhere.
      const scope = { namespace: ctx.product.namespace, selector: route.selector };
      const pods = troubles.length > 0 ? troubles : await describePods(ctx.kubectl, scope);
      const body = result.answered && result.excerpt !== '' ? [`answer: ${foreign(result.excerpt)}`] : [];
      throw new IvaapError(
        'failed',
        `${route.title} does not answer at ${url}: ${answerText(result)}, ` +
          `expected ${expected}, tried for ${route.timeoutSeconds} s`,
        {
          output: [...body, ...pods].join('\n'),
          hint: [
            `${sudo.kubectl} get pods -n ${ctx.product.namespace} -l ${route.selector}`,
            `If ${route.title} works all the same, continue with a recorded reason: --waive ${id}=REASON`,
          ].join('\n'),
        },
      );
    },
    async reuse(_ctx, out) {
      if (out[key]?.waived !== undefined) throw new IvaapError('failed', 'it was waived, not passed');
    },
  };
}

function waitForRoute(route: HealthRoute, asking: RouteAsking, timeoutMs: number, io: StepIo) {
  const startMs = performance.now();
  return probeUntilHealthy(route, asking, {
    timeoutMs,
    signal: io.signal,
    onAnswer: (answer, attempt) => {
      const seconds = Math.round((performance.now() - startMs) / 1000);
      io.progress({
        done: seconds,
        total: Math.round(timeoutMs / 1000),
        unit: 's',
        note: `attempt ${attempt}: ${answer}`,
      });
    },
  });
}
