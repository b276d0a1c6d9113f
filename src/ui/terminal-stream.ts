import { closeSync, constants, openSync, writeSync } from 'node:fs';

/** What an output needs of process.stdout. */
export interface OutputStream {
  write(text: string): boolean;
  on(event: 'error', listener: (error: Error) => void): unknown;
  isTTY?: boolean;
  columns?: number;
  /** Bytes that have not gone out yet. */
  readonly writableLength?: number;
  readonly destroyed?: boolean;
  /** Known at once; the event comes when the file has been closed, which may take a while. */
  readonly errored?: Error | null;
  fd?: number;
}

const mostWaiting = 1024 * 1024;
const retryMs = 50;

/**
 * A terminal with non-blocking writes. Node's are blocking: a terminal that accepts no output (Ctrl-S, an SSH
 * connection that hangs) would stop the entire run. Opened again, so that the descriptor shared with the
 * shell keeps its flags. Undefined when it cannot be opened.
 */
export function terminalStream(shared: OutputStream & { fd: number }): OutputStream | undefined {
  let descriptor: number;
  try {
    const flags = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
    descriptor = openSync(`/proc/self/fd/${shared.fd}`, flags);
  } catch {
    return undefined;
  }
  let waiting: Buffer = Buffer.alloc(0);
  let timer: NodeJS.Timeout | undefined;
  let onError: (error: Error) => void = () => {};

  const push = () => {
    timer = undefined;
    try {
      while (waiting.length > 0) waiting = waiting.subarray(writeSync(descriptor, waiting));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
        timer = setTimeout(push, retryMs);
        timer.unref();
        return;
      }
      waiting = Buffer.alloc(0);
      closeSync(descriptor);
      onError(error as Error);
    }
  };

  return {
    isTTY: true,
    get columns() {
      return shared.columns ?? 80;
    },
    get writableLength() {
      return waiting.length;
    },
    on(_, listener) {
      onError = listener;
    },
    write(text) {
      // Complete texts only: half an escape sequence would corrupt the next one.
      if (waiting.length < mostWaiting) waiting = Buffer.concat([waiting, Buffer.from(text)]);
      if (timer === undefined) push();
      return waiting.length === 0;
    },
  };
}
