import { probe } from '../host/http-probe.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { probeUntilHealthy } from '../release/health-route.ts';
import { foreign } from '../foreign.ts';
import type { CheckContext } from './facts.ts';

/** One answer may be unlucky; one that stays away is not. */
const patienceMs = 8000;

export function checkRoutes({ product, signal }: CheckContext, fqdn: string): Promise<Measurement[]> {
  return Promise.all(
    product.health.map(async (route): Promise<Measurement> => {
      const result = await probeUntilHealthy(route, fqdn, { timeoutMs: patienceMs, signal });
      return {
        part: route.id,
        outcome: result.healthy ? 'ok' : 'fail',
        measured: `${route.path}: ${result.answered ? `status ${result.status}` : foreign(result.reason)}`,
        limit: `status ${route.expectStatus}`,
        fix: `k3s kubectl get ingress,pods -n ${product.namespace}`,
        ...(result.answered && !result.healthy && result.bodyExcerpt !== ''
          ? { output: result.bodyExcerpt }
          : {}),
      };
    }),
  );
}

/** Before an install nothing is routed yet: that an ingress controller listens at all is what can be known. */
export function checkIngressPorts({ product, signal }: CheckContext, fqdn: string): Promise<Measurement[]> {
  const ports = [...new Set(product.health.map(({ port }) => port))];
  return Promise.all(
    ports.map(async (port): Promise<Measurement> => {
      const result = await probe({ port, path: '/', host: fqdn, signal });
      return {
        part: String(port),
        outcome: result.answered ? 'ok' : 'fail',
        measured: result.answered ? `something answers (status ${result.status})` : foreign(result.reason),
        limit: `an ingress controller answers on port ${port}`,
        fix: 'k3s kubectl get pods -n kube-system -l app.kubernetes.io/name=traefik',
      };
    }),
  );
}
