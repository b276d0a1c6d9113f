import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { LineFilter, Redactor } from '../engine/redact.ts';

/** What is reported of a program while it runs and at its end: redacted, and bounded however much it says. */
export type ProgramNote =
  | { kind: 'line'; program: string; stream: 'stdout' | 'stderr'; line: string; quiet: boolean }
  | {
      kind: 'ended';
      program: string;
      argv: string[];
      /** Null when a signal ended it. */
      exitCode: number | null;
      signal: NodeJS.Signals | null;
      durationMs: number;
      stdoutBytes: number;
    };

export type ReportNote = (note: ProgramNote) => void;

const firstLines = 400;
const lastLinesKept = 100;
const longestLine = 4000;
const tailBytes = 65_536;

/**
 * Cuts a program's output into redacted lines. The first ones are reported as they come; of the rest the last
 * ones at the end, with how many lie between. A carriage return ends a line, too: progress bars are written
 * with it.
 */
export class ProgramLines {
  readonly #redactor: LineFilter;
  readonly #tell: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #partial = '';
  #reported = 0;
  #leftOut = 0;
  readonly #kept: string[] = [];
  #tail = '';

  constructor(redactor: Pick<Redactor, 'lines'>, tell: (line: string) => void) {
    this.#redactor = redactor.lines();
    this.#tell = tell;
  }

  /** The last 64 KiB of all lines, redacted. */
  get tail(): string {
    return this.#tail;
  }

  push(chunk: Buffer): void {
    const lines = (this.#partial + this.#decoder.write(chunk)).split(/\r?\n|\r(?=[^\n])/);
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#give(this.#redactor.push(line));
    if (this.#partial.length <= tailBytes) return;
    this.#give(this.#redactor.push(this.#partial));
    this.#partial = '';
  }

  end(): void {
    const last = this.#partial + this.#decoder.end();
    if (last !== '') this.#give(this.#redactor.push(last));
    this.#give(this.#redactor.end());
    if (this.#leftOut > 0) this.#tell(`… ${this.#leftOut} lines left out …`);
    for (const line of this.#kept) this.#tell(line);
  }

  #give(lines: string[]): void {
    for (const line of lines) {
      this.#tail = `${this.#tail}${line}\n`.slice(-tailBytes);
      if (line.trim() === '') continue;
      const short =
        line.length <= longestLine
          ? line
          : `${line.slice(0, longestLine)} … ${line.length - longestLine} characters left out`;
      if (this.#reported < firstLines) {
        this.#reported += 1;
        this.#tell(short);
        continue;
      }
      this.#kept.push(short);
      if (this.#kept.length <= lastLinesKept) continue;
      this.#kept.shift();
      this.#leftOut += 1;
    }
  }
}

/** Reads a stream to its end into lines. */
export async function collectLines(stream: Readable, lines: ProgramLines): Promise<string> {
  for await (const chunk of stream as AsyncIterable<Buffer>) lines.push(chunk);
  lines.end();
  return lines.tail;
}

/** Reads a stream to its end as one text; beyond `maxBytes` the rest is dropped and `tooLong` is called. */
export async function collectText(
  stream: Readable,
  maxBytes: number,
  tooLong: () => void,
  lines: ProgramLines | undefined,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) tooLong();
    else {
      chunks.push(chunk);
      lines?.push(chunk);
    }
  }
  lines?.end();
  return Buffer.concat(chunks).toString('utf8');
}
