import { setTimeout as sleep } from 'node:timers/promises';
import { isClusterDown } from './cluster-down.ts';
import { sudo } from '../shell-word.ts';

interface Waiting {
  /** Aborted when the run is asked to stop: nothing is waited for any longer. */
  signal: AbortSignal;
  say: (line: string) => void;
}

export interface OutageRetryLimits {
  /**
   * How long an API server that is away is waited for. Default two minutes: more than a restart of k3s takes.
   */
  limitMs?: number;
  pauseMs?: number;
  /** How long after its return what it says of pods may be old. Default a minute. */
  settleMs?: number;
}

/**
 * A run that has started outlives a restart of k3s: questions, and changes that may be made twice, are asked
 * again while the API server does not answer. Before it has started nobody waits: a cluster that does not
 * answer is refused at once.
 */
export class OutageRetry {
  readonly #limitMs: number;
  readonly #pauseMs: number;
  readonly #settleMs: number;
  #waiting: Waiting | undefined;
  #hasStarted = false;
  /** Since when the API server has been away, as `performance.now()`; undefined while it answers. */
  #awaySince: number | undefined;
  #backSince: number | undefined;

  constructor({ limitMs = 120_000, pauseMs = 2_000, settleMs = 60_000 }: OutageRetryLimits = {}) {
    this.#limitMs = limitMs;
    this.#pauseMs = pauseMs;
    this.#settleMs = settleMs;
  }

  /** From here on questions are asked again, until the function that this gives is called. */
  start(waiting: Waiting): () => void {
    this.#waiting = waiting;
    this.#hasStarted = true;
    return () => (this.#waiting = undefined);
  }

  /** Whether a run has started; it stays so after its end. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /**
   * Throws what the last attempt threw, or the signal's reason when a stop is asked for meanwhile. The limit
   * counts from when the API server went away, for all questions together: once it is over, each is asked
   * only once until one is answered.
   */
  async ask<T>(question: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      try {
        const answer = await question();
        this.#answered();
        return answer;
      } catch (error) {
        const waiting = this.#waiting;
        if (waiting === undefined || !isClusterDown(error)) throw error;
        const stop = AbortSignal.any([waiting.signal, ...(signal === undefined ? [] : [signal])]);
        if (stop.aborted || !this.#mayWait(waiting)) throw error;
        await sleep(this.#pauseMs, undefined, { signal: stop }).catch(() => undefined);
        stop.throwIfAborted();
      }
    }
  }

  /**
   * True, after a pause, where it is worth to look again: an API server that was away counts every pod as not
   * ready until the kubelet has spoken to it. Throws the signal's reason when a stop is asked for.
   */
  async settling(signal?: AbortSignal): Promise<boolean> {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#backSince === undefined) return false;
    if (performance.now() - this.#backSince > this.#settleMs) return false;
    const stop = AbortSignal.any([waiting.signal, ...(signal === undefined ? [] : [signal])]);
    if (stop.aborted) return false;
    await sleep(this.#pauseMs, undefined, { signal: stop }).catch(() => undefined);
    stop.throwIfAborted();
    return true;
  }

  #mayWait({ say }: Waiting): boolean {
    const now = performance.now();
    if (this.#awaySince === undefined) {
      const seconds = Math.round(this.#limitMs / 1000);
      say(
        'the Kubernetes API server does not answer (' +
          `${sudo.systemctl} status k3s): waiting for it, up to ${seconds} s`,
      );
    }
    this.#awaySince ??= now;
    return now - this.#awaySince < this.#limitMs;
  }

  #answered(): void {
    if (this.#awaySince === undefined) return;
    this.#backSince = performance.now();
    const seconds = Math.round((this.#backSince - this.#awaySince) / 1000);
    this.#awaySince = undefined;
    this.#waiting?.say(`the Kubernetes API server answers again, after ${seconds} s`);
  }
}
