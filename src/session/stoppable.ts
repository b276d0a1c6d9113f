import type { Runner } from '../host/runner.ts';

/**
 * Between SIGTERM and SIGKILL for a program that only answers a query: it has nothing to finish.
 */
const graceMs = 1000;

/**
 * The same runner, but a stop ends its programs at once until a run has started, also those that hang. From
 * then on the steps decide what may be stopped where.
 */
export function stoppable(runner: Runner, signal: AbortSignal, hasStarted: () => boolean): Runner {
  return {
    run: (argv, options = {}) => {
      if (hasStarted()) return runner.run(argv, options);
      const stop = options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]);
      return runner.run(argv, {
        ...options,
        signal: stop,
        graceMs: Math.min(options.graceMs ?? graceMs, graceMs),
      });
    },
  };
}

/**
 * Work before a run starts: after a request to stop, it throws the stop and not the error of a program that
 * was ended for it.
 */
export async function unlessStopped<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const [ended] = await Promise.allSettled([work()]);
  signal.throwIfAborted();
  if (ended.status === 'rejected') throw ended.reason;
  return ended.value;
}
