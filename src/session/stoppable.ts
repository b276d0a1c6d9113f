import type { Runner } from '../host/runner.ts';

/**
 * Between SIGTERM and SIGKILL for a program that was only asked something: it has nothing to bring to an end.
 */
const graceMs = 1000;

/**
 * The same runner, whose programs a stop ends at once as long as no run has begun, also those that hang. From
 * then on steps decide themselves what may be ended where.
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
 * Work before a run begins: once a stop was asked for, the stop is what it ends with, and not what a program
 * that was ended for it says.
 */
export async function unlessStopped<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const [ended] = await Promise.allSettled([work()]);
  signal.throwIfAborted();
  if (ended.status === 'rejected') throw ended.reason;
  return ended.value;
}
