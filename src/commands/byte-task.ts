import { formatBytes } from '../ui/format.ts';

/** Work that is measured in bytes and drawn on the terminal while it goes on; silent when standard error is none. */
export interface ByteTask {
  progress: (doneBytes: number) => void;
  /** Draws while `work` runs and takes the line away at its end. */
  during: <T>(work: () => Promise<T>) => Promise<T>;
}

const redrawMs = 200;

export function byteTask(title: string, totalBytes: number): ByteTask {
  const { isTTY, columns = 80 } = process.stderr;
  let doneBytes = 0;
  const begun = performance.now();
  const draw = () => {
    const seconds = (performance.now() - begun) / 1000;
    const rate = seconds > 0.5 ? `, ${formatBytes(doneBytes / seconds)}/s` : '';
    const line = `${title}: ${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}${rate}`;
    process.stderr.write(`\r\x1b[2K${line.slice(0, columns - 1)}`);
  };
  return {
    progress: (bytes) => (doneBytes = bytes),
    during: async (work) => {
      if (!isTTY) return work();
      const timer = setInterval(draw, redrawMs);
      try {
        return await work();
      } finally {
        clearInterval(timer);
        process.stderr.write('\r\x1b[2K');
      }
    },
  };
}
