import { probe, urlHost } from '../host/http-probe.ts';
import { expectedText } from '../policy/expected-answer.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { answerAtText, askingOf, probeUntilHealthy, targetOf } from '../release/health-route.ts';
import { defaultPort, type RouteTarget, routeTarget } from '../release/route-target.ts';
import { firstValues } from '../release/values-template.ts';
import { foreign } from '../foreign.ts';
import type { Check } from './check.ts';
import type { InstallCheckContext, UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

export const ingress: Check = {
  id: 'ingress',
  kind: 'health',
  title: 'Ingress answers',
  limit: 'the health routes answer as expected; before an install: anything answers',
  why: 'the health of the product is checked through it after the upgrade',
  fix: `${sudo.kubectl} get ingress,pods -A`,
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  measure: (ctx) => (ctx.flow === 'install' ? frontDoors(ctx) : healthRoutes(ctx)),
};

/** One failed probe may be chance; repeated ones are not. */
const patienceMs = 8000;

async function healthRoutes(ctx: UpgradeCheckContext): Promise<Measurement[]> {
  const { product, signal } = ctx;
  const asking = await askingOf(ctx);
  return Promise.all(
    product.health.map(async (route): Promise<Measurement> => {
      const result = await probeUntilHealthy(route, asking, { timeoutMs: patienceMs, signal });
      return {
        part: route.id,
        outcome: result.healthy ? 'ok' : 'fail',
        measured: `${targetOf(route, asking).path}: ${answerAtText(result)}`,
        limit: expectedText(route),
        fix: `${sudo.kubectl} get ingress,pods -n ${product.namespace}`,
        output: result.answered && !result.healthy ? result.excerpt || undefined : undefined,
      };
    }),
  );
}

/**
 * Before an install there is no route yet: only whether an ingress controller listens can be checked, or
 * whether there is one of that class. A Service comes with the install.
 */
async function frontDoors(ctx: InstallCheckContext): Promise<Measurement[]> {
  const { product, fqdn } = ctx;
  const values = await firstValues(ctx);
  const targets = product.health.map((route) => routeTarget(route, values, fqdn));
  const found = new Map<string, () => Promise<Measurement>>();
  for (const target of targets) {
    const { via, scheme, port = defaultPort(scheme) } = target;
    if (via.kind === 'ingressClass') found.set(`class ${via.name}`, () => classOf(via.name, ctx));
    if (via.kind !== 'address') continue;
    const place = via.address === '127.0.0.1' ? String(port) : `${urlHost(via.address)}:${port}`;
    found.set(place, () => listens({ ...target, port, address: via.address, place }, ctx));
  }
  if (found.size === 0) return [{ outcome: 'ok', measured: 'the health routes lead to the release itself' }];
  return Promise.all([...found.values()].map((measure) => measure()));
}

async function listens(
  { scheme, port, address, place }: RouteTarget & { port: number; address: string; place: string },
  { signal, fqdn }: InstallCheckContext,
): Promise<Measurement> {
  const result = await probe({ scheme, port, address, path: '/', host: fqdn, follow: false, signal });
  return {
    part: place,
    outcome: result.answered ? 'ok' : 'fail',
    measured: result.answered ? `something answers (status ${result.status})` : foreign(result.reason),
    limit: `an ingress controller answers on port ${port}`,
    fix: `${sudo.kubectl} get pods -n kube-system -l app.kubernetes.io/name=traefik`,
  };
}

async function classOf(name: string, { kubectl, signal }: InstallCheckContext): Promise<Measurement> {
  const found = await kubectl.get('ingressclass', name, { signal });
  return {
    part: `class ${name}`,
    outcome: found === undefined ? 'fail' : 'ok',
    measured: found === undefined ? `there is no IngressClass ${name}` : 'there is one of that class',
    limit: 'a controller of that class is installed',
    fix: `${sudo.kubectl} get ingressclass`,
  };
}
