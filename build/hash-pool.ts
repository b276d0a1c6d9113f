import { Worker } from 'node:worker_threads';
import type { HashResult, HashTask } from './hash-worker.ts';

interface Job {
  task: HashTask;
  resolve(result: HashResult): void;
  reject(error: Error): void;
}

/** Threads that copy and hash, one task at a time each. `close` ends them. */
export class HashPool {
  readonly #idle: Worker[] = [];
  readonly #all: Worker[] = [];
  readonly #waiting: Job[] = [];
  readonly #running = new Map<Worker, Job>();

  constructor(threads: number) {
    for (let count = 0; count < threads; count += 1) {
      const worker = new Worker(new URL('./hash-worker.ts', import.meta.url));
      worker.on('message', (message: { result?: HashResult; failure?: string }) => {
        const job = this.#running.get(worker);
        this.#running.delete(worker);
        this.#idle.push(worker);
        if (message.result === undefined) job?.reject(new Error(message.failure));
        else job?.resolve(message.result);
        this.#next();
      });
      worker.on('error', (error) => this.#running.get(worker)?.reject(error as Error));
      this.#all.push(worker);
      this.#idle.push(worker);
    }
  }

  /** Fields that the task's kind does not compute are absent at run time. */
  run(task: HashTask): Promise<HashResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const worker = this.#idle.pop()!;
      const job = this.#waiting.shift()!;
      this.#running.set(worker, job);
      worker.postMessage(job.task);
    }
  }
}
