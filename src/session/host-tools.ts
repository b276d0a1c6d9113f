import type { Reporter } from '../engine/reporter.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { expiredCertificate } from '../host/api-server.ts';
import { isDistrust } from '../host/cluster-down.ts';
import { type Containerd, createContainerd } from '../host/containerd.ts';
import { findK3s, type K3s } from '../host/k3s.ts';
import { createKubectl, type Kubectl } from '../host/kubectl.ts';
import { OutageRetry } from '../host/outage-retry.ts';
import { createPostgres, type Postgres } from '../host/postgres.ts';
import type { Runner } from '../host/runner.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Machine } from './machine.ts';
import { reportPrograms } from './program-report.ts';
import { stoppable } from './stoppable.ts';
import { sudo } from '../shell-word.ts';

/** The host's programs, each behind its typed wrapper. */
export interface HostTools {
  runner: Runner;
  outageRetry: OutageRetry;
  k3s: K3s;
  kubectl: Kubectl;
  database: Postgres;
  containerd: Containerd;
}

/** Redacts secrets in the output of programs, and reports it. */
type HostReporter = Pick<Reporter, 'redactor' | 'report'>;

/**
 * Throws `preflight` when k3s is missing; does not query the cluster. Until a run has started the signal ends
 * every query.
 */
export async function openHost(
  product: Product,
  { machine, reporter, signal }: { machine: Machine; reporter: HostReporter; signal: AbortSignal },
): Promise<HostTools> {
  const outageRetry = new OutageRetry();
  const { redactor, report } = reporter;
  const programs = machine.createRunner({ redactor, report: reportPrograms(report) });
  const runner = stoppable(programs, signal, () => outageRetry.hasStarted);
  const k3s = await findK3s(runner);
  const kubectl = createKubectl(runner, {
    k3s: k3s.path,
    kubeconfig: product.k3s.kubeconfig,
    manager: product.command,
    outageRetry,
  });
  const { selector, container, user, name } = product.database;
  const database = createPostgres(kubectl, {
    namespace: product.namespace,
    selector,
    container,
    user,
    database: name,
    lockTimeoutSeconds: product.backup.lockTimeoutSeconds,
    outageRetry,
  });
  const containerd = createContainerd(runner, { k3s: k3s.path, socket: product.k3s.containerdSocket });
  return { runner, outageRetry, k3s, kubectl, database, containerd };
}

/**
 * Throws `preflight` when the API server does not answer, or does not accept us: then with the certificate
 * that has expired.
 */
export async function assertCluster(kubectl: Kubectl, { k3s }: Pick<Product, 'k3s'>): Promise<string> {
  try {
    return await kubectl.serverVersion();
  } catch (error) {
    const expired = isDistrust(error) ? await expiredCertificate(k3s.kubeconfig) : undefined;
    const { hint, output, cause } = error instanceof IvaapError ? error : {};
    const message =
      expired === undefined
        ? causeChain(error)[0]
        : 'the API server answers, but the certificate of ' +
          `${expired.place} expired on ${expired.validTo.toISOString()}`;
    throw new IvaapError('preflight', message ?? 'the Kubernetes API server does not answer', {
      cause: cause ?? error,
      hint:
        expired === undefined
          ? (hint ?? `${sudo.systemctl} status k3s`)
          : `date; ${sudo.systemctl} restart k3s`,
      output,
    });
  }
}
