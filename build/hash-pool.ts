import { Worker } from 'node:worker_threads';
import type { KeyTraces } from './key-search.ts';
import type { HashReply, HashResult, HashTask } from './hash-worker.ts';

interface Job {
  onBytes: ((done: number) => void) | undefined;
  resolve(result: HashResult): void;
  reject(error: Error): void;
}

/** One thread. It starts what it is sent in that order; long work in it gives way to what comes meanwhile. */
class HashThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, Job>();
  readonly #exited: Promise<void>;
  #sent = 0;

  constructor(traces: KeyTraces) {
    this.#worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { workerData: traces });
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', ({ id, done, result, failure }: HashReply) => {
      const job = this.#jobs.get(id)!;
      if (done !== undefined) return job.onBytes?.(done);
      this.#jobs.delete(id);
      if (result === undefined) job.reject(Object.assign(new Error(failure?.message), failure));
      else job.resolve(result as HashResult);
    });
    this.#worker.on('error', (error) => {
      for (const job of this.#jobs.values()) job.reject(error as Error);
    });
  }

  /**
   * `onBytes` hears how much of a content is done, before all of it is. Fields that the task's kind does not
   * compute are absent.
   */
  run(task: HashTask, onBytes?: (done: number) => void): Promise<HashResult> {
    const id = (this.#sent += 1);
    return new Promise((resolve, reject) => {
      this.#jobs.set(id, { onBytes, resolve, reject });
      this.#worker.postMessage({ id, task });
    });
  }

  /**
   * Has the thread end between two turns of its work. One that is terminated from outside ends in the middle
   * of whatever it does, and Node aborts the whole process when that is the making of a zlib stream.
   */
  async close(): Promise<void> {
    this.#worker.postMessage('end');
    await this.#exited;
  }
}

/** Threads that copy and hash, and look for `traces` in what passes. `close` ends them. */
export class HashPool {
  readonly #threads: HashThread[];
  readonly #idle: HashThread[];
  readonly #waiting: ((thread: HashThread) => void)[] = [];
  #given = 0;

  constructor(threads: number, traces: KeyTraces = []) {
    this.#threads = Array.from({ length: threads }, () => new HashThread(traces));
    this.#idle = [...this.#threads];
  }

  /** Runs a task in the next thread that is free, one at a time in each. */
  async run(task: HashTask, onBytes?: (done: number) => void): Promise<HashResult> {
    const thread =
      this.#idle.pop() ?? (await new Promise<HashThread>((resolve) => this.#waiting.push(resolve)));
    try {
      return await thread.run(task, onBytes);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(thread);
      else next(thread);
    }
  }

  /** A thread for tasks that follow one another; they come before whatever else it does. Each in its turn. */
  thread(): HashThread {
    this.#given += 1;
    return this.#threads[this.#given % this.#threads.length]!;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }
}
