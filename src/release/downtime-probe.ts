import type { Report } from '../engine/reporter.ts';
import { causeChain } from '../errors.ts';
import type { HealthRoute, Product } from '../payload/product-schema.ts';
import { answerText, askingOf, probeRoute, type RouteAsking } from './health-route.ts';

const everyMs = 1000;
/** Of one request; one is under way at a time. */
const requestMs = 2000;
/** Of all first requests: what follows waits for them. */
const firstMs = 3000;

interface Answered {
  healthy: boolean;
  answer: string;
}

type Probed = Parameters<typeof askingOf>[0] & { product: Pick<Product, 'health'> };

/**
 * Probes the product each second from before Helm until the run ends, and reports when it stops and starts to
 * answer. It only watches: it fails no run, keeps none alive, and what it waits for is bounded.
 */
export class DowntimeProbe {
  readonly #report: Report;
  readonly #stopped = new AbortController();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #begun = false;
  #probes = 0;
  #last = { healthy: false, at: '' };

  constructor(report: Report, every = everyMs) {
    this.#report = report;
    this.#everyMs = every;
  }

  /**
   * Resolves after the first answers, within seconds; never throws. The routes that answer as expected now
   * are probed from here on: one that only the next release has says nothing of a downtime. All of them are
   * probed where none answers.
   */
  async begin(ctx: Probed): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    try {
      const asking = await askingOf(ctx);
      const late = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(firstMs)]);
      const first: (Answered & { route: HealthRoute })[] = [];
      for (const route of ctx.product.health) first.push({ route, ...(await ask(route, asking, late)) });
      if (this.#stopped.signal.aborted) return;
      const good = first.filter(({ healthy }) => healthy);
      const probed = good.length > 0 ? good : first;
      const healthy = good.length > 0;
      const routes = probed.map(({ route }) => route);
      this.#probes = 1;
      this.#last = { healthy, at: new Date().toISOString() };
      const answer = probed[0]?.answer ?? '';
      const titles = routes.map(({ title }) => title);
      this.#report({ type: 'probe.started', routes: titles, healthy, answer });
      this.#next(routes, asking);
    } catch (error) {
      this.#stopped.abort();
      this.#report({ type: 'probe.ended', probes: 0, why: causeChain(error)[0] ?? 'it could not be probed' });
    }
  }

  /** A request that is under way is given up. */
  end(): void {
    if (!this.#begun || this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    clearTimeout(this.#timer);
    this.#report({ type: 'probe.ended', probes: this.#probes });
  }

  #next(routes: readonly HealthRoute[], asking: RouteAsking): void {
    const again = async () => {
      const startedMs = performance.now();
      await this.#look(routes, asking).catch(() => undefined);
      if (this.#stopped.signal.aborted) return;
      const restMs = Math.max(0, this.#everyMs - (performance.now() - startedMs));
      this.#timer = setTimeout(() => void again(), restMs).unref();
    };
    this.#timer = setTimeout(() => void again(), this.#everyMs).unref();
  }

  async #look(routes: readonly HealthRoute[], asking: RouteAsking): Promise<void> {
    const { signal } = this.#stopped;
    const at = new Date().toISOString();
    let found: Answered = { healthy: true, answer: '' };
    for (const route of routes) {
      found = await ask(route, asking, signal);
      if (!found.healthy) break;
    }
    if (signal.aborted) return;
    this.#probes += 1;
    const before = this.#last;
    // A good answer counts when it has come, a bad one when it was asked for.
    this.#last = { healthy: found.healthy, at: found.healthy ? new Date().toISOString() : at };
    if (found.healthy === before.healthy) return;
    this.#report({ type: 'probe.changed', ...found, lastAt: before.at });
  }
}

/** Whether the certificate is right is for the health steps to say: a new one is no downtime. */
async function ask(route: HealthRoute, asking: RouteAsking, signal: AbortSignal): Promise<Answered> {
  const result = await probeRoute(route, asking, { signal, timeoutMs: requestMs, verify: false });
  return { healthy: result.healthy, answer: `${route.title}: ${answerText(result)}` };
}
