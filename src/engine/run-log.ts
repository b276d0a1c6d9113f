import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineEvent } from './events.ts';

export interface RunLogOptions {
  /** Folder of the logs; made (0700) when the first one is written. */
  folder: string;
  /** The person behind sudo. */
  by: string;
  /** Takes secrets out of each line. */
  redact: (text: string) => string;
}

const progressIntervalMs = 10_000;

/**
 * `RUN.jsonl` (0600): every event of a run as a line of JSON, progress thinned, closed by a line of type RESULT. A run that goes on
 * appends to its log. Nothing is written before the run begins: what came before is kept and written then.
 * A log that cannot be written never stops a run.
 */
export class RunLog {
  readonly #options: RunLogOptions;
  #early: EngineEvent[] = [];
  #descriptor: number | undefined;
  #path: string | undefined;
  readonly #lastProgressMs = new Map<string, number>();

  constructor(options: RunLogOptions) {
    this.#options = options;
  }

  /** Undefined until a run has begun, or when the log cannot be written. */
  get path(): string | undefined {
    return this.#path;
  }

  handle(event: EngineEvent): void {
    if (event.type === 'run.started' && this.#path === undefined) {
      this.#open(event.run);
      for (const early of this.#early) this.#write(early);
      this.#early = [];
    }
    if (this.#path === undefined) {
      if (event.type !== 'task.progress') this.#early.push(event);
      return;
    }
    if (this.#isTooSoon(event)) return;
    this.#write(event);
  }

  /** The last line: `status` is `completed` or the error's code. */
  end(result: { status: string; exitCode: number; message?: string }): void {
    if (this.#path !== undefined) this.#write({ type: 'RESULT', at: new Date().toISOString(), ...result });
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(run: string): void {
    try {
      mkdirSync(this.#options.folder, { recursive: true, mode: 0o700 });
      const path = join(this.#options.folder, `${run}.jsonl`);
      this.#descriptor = openSync(path, 'a', 0o600);
      this.#path = path;
      this.#write({ type: 'LOG', at: new Date().toISOString(), by: this.#options.by, pid: process.pid });
    } catch {
      this.#path = undefined;
    }
  }

  #write(line: object): void {
    if (this.#descriptor === undefined) return;
    try {
      writeSync(this.#descriptor, `${this.#options.redact(JSON.stringify(line))}\n`);
    } catch {
      // A full disk under the log: the run itself says so where it matters.
    }
  }

  #isTooSoon(event: EngineEvent): boolean {
    if (event.type !== 'step.progress' && event.type !== 'task.progress') return false;
    const id = event.type === 'step.progress' ? event.step : event.task;
    const atMs = Date.parse(event.at);
    if (atMs - (this.#lastProgressMs.get(id) ?? -Infinity) < progressIntervalMs) return true;
    this.#lastProgressMs.set(id, atMs);
    return false;
  }
}
