import { constants } from 'node:fs';
import { readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type EngineEvent, eventSchemas } from './events.ts';
import type { RunEnd } from './run-log.ts';

/** A line of a run's log: an event, or what frames the events of one attempt. */
export type LogLine =
  | { type: 'LOG'; at: string; by: string; pid: number }
  | ({ type: 'RESULT'; at: string } & RunEnd)
  | EngineEvent;

const known = new Set<string>([...eventSchemas.map(({ shape }) => shape.type.value), 'LOG', 'RESULT']);

/**
 * Reads a log while it is written: each call gives the complete lines that have come since. Lines that a
 * newer program wrote and this one does not know are left out.
 */
export class RunLogTail {
  readonly path: string;
  #position = 0;
  #partial: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.path = path;
  }

  async read(): Promise<LogLine[]> {
    const file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const { size } = await file.stat();
      const bytes = Buffer.alloc(Math.max(0, size - this.#position));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, this.#position);
      this.#position += bytesRead;
      this.#partial = Buffer.concat([this.#partial, bytes.subarray(0, bytesRead)]);
    } finally {
      await file.close();
    }
    const end = this.#partial.lastIndexOf('\n') + 1;
    const lines = this.#partial.subarray(0, end).toString('utf8').split('\n');
    this.#partial = this.#partial.subarray(end);
    return lines.flatMap(parseLine);
  }
}

function parseLine(text: string): LogLine[] {
  try {
    const line = JSON.parse(text) as LogLine;
    return known.has(line.type) ? [line] : [];
  } catch {
    // A line that a dying process left half written.
    return [];
  }
}

/**
 * What one process has written so far, from its LOG line on, and the tail that gives the rest; undefined
 * while it has no log.
 */
export async function findAttempt(
  folder: string,
  { pid, since }: { pid: number; since: string },
): Promise<{ tail: RunLogTail; lines: LogLine[] } | undefined> {
  const [newest] = newestFirst(folder);
  if (newest === undefined) return undefined;
  const tail = new RunLogTail(newest);
  const all = await tail.read();
  const start = all.findLastIndex(({ type }) => type === 'LOG');
  const log = all[start];
  if (log?.type !== 'LOG' || log.pid !== pid || log.at < since) return undefined;
  return { tail, lines: all.slice(start) };
}

function newestFirst(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => join(folder, name))
      .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  } catch {
    return [];
  }
}
