import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineEvent } from './events.ts';
import type { Redactor } from './redact.ts';

export interface RunLogPlace {
  /** Folder of the logs; made (0700) when the first one is written. */
  folder: string;
  /** The person behind sudo. */
  by: string;
  /** Takes secrets out of each line. */
  redactor: Pick<Redactor, 'value'>;
  /**
   * Whether the disk has room for more than what must be kept free; without it what programs say and how far
   * they are is left out.
   */
  hasRoom?: () => boolean;
  /** Told once when the log cannot be written, with the reason. */
  onUnwritable?: (reason: string) => void;
}

export interface RunEnd {
  /** `completed`, or the error's code. */
  status: string;
  exitCode: number;
  message?: string;
}

/** How long an answer about the disk's room is good for. */
const roomIntervalMs = 1000;
const progressIntervalMs = 1000;
/** A program in a loop must not fill the disk with its output. */
const mostProgramBytes = 32 * 1024 * 1024;

/**
 * `RUN.jsonl` (0600): every event of a run as a line of JSON, progress thinned to one a second, closed by a
 * line of type RESULT however the process ends, short of being killed. A run that resumes appends to its log.
 * Nothing is written before the run starts: what came before is kept and written then. A log that cannot be
 * written never stops a run.
 */
export class RunLog {
  #place: RunLogPlace | undefined;
  #early: EngineEvent[] = [];
  #descriptor: number | undefined;
  #path: string | undefined;
  #ended = false;
  #halfLine = false;
  #programBytes = 0;
  #room = { askedMs: -Infinity, there: true };
  readonly #lastProgressMs = new Map<string, number>();
  readonly #onExit = (code: number) =>
    this.end({ status: 'bug', exitCode: code, message: 'the program ended without a result' });

  /** Where the log is to be written, once a run has started. */
  place(place: RunLogPlace): void {
    this.#place = place;
  }

  /** Undefined until a run has started, or when the log could not be made. */
  get path(): string | undefined {
    return this.#path;
  }

  handle(event: EngineEvent): void {
    if (this.#ended || this.#isTooMuch(event)) return;
    if (event.type === 'run.started' && this.#path === undefined) {
      this.#open(event.run);
      for (const early of this.#early) this.#write(early);
      this.#early = [];
    }
    if (this.#path === undefined) {
      if (event.type !== 'task.progress') this.#early.push(event);
      return;
    }
    if (!this.#isTooSoon(event) && this.#hasRoomFor(event)) this.#write(event);
  }

  /** The last line; what comes later is dropped. */
  end(result: RunEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#early = [];
    process.off('exit', this.#onExit);
    if (this.#descriptor === undefined) return;
    this.#write({ type: 'RESULT', at: new Date().toISOString(), ...result });
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #open(run: string): void {
    if (this.#place === undefined) return;
    const { folder, by } = this.#place;
    const path = join(folder, `${run}.jsonl`);
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      this.#descriptor = openSync(path, 'a+', 0o600);
      // An earlier attempt may have died in the middle of a line.
      this.#halfLine = !endsWithLineEnd(this.#descriptor);
    } catch (error) {
      this.#tellUnwritable(error);
      return;
    }
    this.#path = path;
    process.once('exit', this.#onExit);
    this.#write({ type: 'LOG', at: new Date().toISOString(), by, pid: process.pid });
  }

  #write(line: object): void {
    if (this.#descriptor === undefined || this.#place === undefined) return;
    const { redactor } = this.#place;
    const text = `${this.#halfLine ? '\n' : ''}${JSON.stringify(redactor.value(line))}\n`;
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#descriptor, bytes, written);
      this.#halfLine = false;
    } catch (error) {
      this.#halfLine ||= written > 0;
      this.#tellUnwritable(error);
    }
  }

  /** Once: the run continues, and later lines are tried again, since space may be freed. */
  #tellUnwritable(error: unknown): void {
    const place = this.#place;
    if (place?.onUnwritable === undefined) return;
    const tell = place.onUnwritable;
    this.#place = { ...place, onUnwritable: () => {} };
    tell(error instanceof Error ? error.message : String(error));
  }

  #isTooMuch(event: EngineEvent): boolean {
    if (!('program' in event) || event.program === undefined || event.type === 'program.ended') return false;
    const before = this.#programBytes;
    this.#programBytes += 'line' in event ? event.line.length : 0;
    if (before <= mostProgramBytes && this.#programBytes > mostProgramBytes) {
      const line =
        'programs have written more than ' +
        `${mostProgramBytes} characters: further output is ` +
        'left out';
      this.handle({ type: 'message', at: event.at, level: 'info', line });
    }
    return this.#programBytes > mostProgramBytes;
  }

  /** What the steps did is always written: it is little, and needed most on a full disk. */
  #hasRoomFor(event: EngineEvent): boolean {
    const isMuch = event.type.endsWith('.progress') || ('program' in event && event.type !== 'program.ended');
    const hasRoom = this.#place?.hasRoom;
    if (!isMuch || hasRoom === undefined) return true;
    const now = performance.now();
    if (now - this.#room.askedMs >= roomIntervalMs) {
      const there = hasRoom();
      if (this.#room.there && !there) {
        const line = 'the disk is nearly full: program output is left out of this log until there is space';
        this.#write({ type: 'message', at: event.at, level: 'info', line });
      }
      this.#room = { askedMs: now, there };
    }
    return this.#room.there;
  }

  #isTooSoon(event: EngineEvent): boolean {
    if (event.type !== 'step.progress' && event.type !== 'task.progress') return false;
    const id = event.type === 'step.progress' ? event.step : event.task;
    const atMs = Date.parse(event.at);
    if (Math.abs(atMs - (this.#lastProgressMs.get(id) ?? -Infinity)) < progressIntervalMs) return true;
    this.#lastProgressMs.set(id, atMs);
    return false;
  }
}

function endsWithLineEnd(descriptor: number): boolean {
  const { size } = fstatSync(descriptor);
  const last = Buffer.alloc(1);
  return size === 0 || (readSync(descriptor, last, 0, 1, size - 1) === 1 && last[0] === 10);
}
