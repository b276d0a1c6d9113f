import { probe } from '../host/http-probe.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { fqdnOf, probeUntilHealthy } from '../release/health-route.ts';
import { foreign } from '../foreign.ts';
import type { Check } from './check.ts';
import type { InstallCheckContext, UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

export const ingress: Check = {
  id: 'ingress',
  kind: 'health',
  title: 'Ingress answers',
  limit: 'the health routes answer with the expected status; before an install: anything answers',
  why: 'the health of the product is checked through it after the upgrade',
  fix: `${sudo.kubectl} get ingress,pods -A`,
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  measure: (ctx) => (ctx.flow === 'install' ? controllerPorts(ctx) : healthRoutes(ctx)),
};

/** One failed probe may be chance; repeated ones are not. */
const patienceMs = 8000;

function healthRoutes({ product, signal, values }: UpgradeCheckContext): Promise<Measurement[]> {
  const fqdn = fqdnOf(product, values);
  return Promise.all(
    product.health.map(async (route): Promise<Measurement> => {
      const result = await probeUntilHealthy(route, fqdn, { timeoutMs: patienceMs, signal });
      return {
        part: route.id,
        outcome: result.healthy ? 'ok' : 'fail',
        measured: `${route.path}: ${result.answered ? `status ${result.status}` : foreign(result.reason)}`,
        limit: `status ${route.expectStatus}`,
        fix: `${sudo.kubectl} get ingress,pods -n ${product.namespace}`,
        output: result.answered && !result.healthy ? result.bodyExcerpt || undefined : undefined,
      };
    }),
  );
}

/** Before an install there is no route yet: only whether an ingress controller listens can be checked. */
function controllerPorts({ product, signal, fqdn }: InstallCheckContext): Promise<Measurement[]> {
  const ports = [...new Set(product.health.map(({ port }) => port))];
  return Promise.all(
    ports.map(async (port): Promise<Measurement> => {
      const result = await probe({ port, path: '/', host: fqdn, signal });
      return {
        part: String(port),
        outcome: result.answered ? 'ok' : 'fail',
        measured: result.answered ? `something answers (status ${result.status})` : foreign(result.reason),
        limit: `an ingress controller answers on port ${port}`,
        fix: `${sudo.kubectl} get pods -n kube-system -l app.kubernetes.io/name=traefik`,
      };
    }),
  );
}
