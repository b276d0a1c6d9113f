/** Where a renderer writes: a stream whose reader may go away at any time. */
export interface Output {
  /** Never throws and never waits. */
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Width of the terminal just now. */
  readonly columns: number;
}

/** What an output needs of process.stdout. */
export interface OutputStream {
  write(text: string): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
  isTTY?: boolean;
  columns?: number;
}

/**
 * A stream as an output that survives its reader: after the first error (closed pipe, full disk, lost terminal) what would
 * have been written is dropped. A run never ends because nobody reads; its log has it all.
 */
export function guardedOutput(stream: OutputStream): Output {
  let broken = false;
  stream.on('error', () => (broken = true));
  return {
    write(text) {
      if (broken) return;
      try {
        stream.write(text);
      } catch {
        broken = true;
      }
    },
    get isTerminal() {
      return stream.isTTY === true;
    },
    get columns() {
      return stream.columns ?? 80;
    },
  };
}
