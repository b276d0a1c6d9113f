import { chooseRenderer } from '../ui/choose-renderer.ts';
import { guardedOutput } from '../ui/output.ts';

/** Work that is measured in bytes and drawn on the terminal while it goes on; silent when standard error is none. */
export interface ByteTask {
  /** Bytes done so far. */
  progress: (done: number) => void;
  /** Draws while `work` runs; what it returns or throws is passed on. */
  during: <T>(work: () => Promise<T>) => Promise<T>;
}

/** `task` is one word, `title` what it does. */
export function byteTask(task: string, title: string, total: number): ByteTask {
  const output = guardedOutput(process.stderr);
  if (!output.isTerminal) return { progress: () => {}, during: (work) => work() };
  const renderer = chooseRenderer(output, { json: false, env: process.env });
  const at = () => new Date().toISOString();
  return {
    progress: (done) =>
      renderer.handle({ type: 'task.progress', at: at(), task, done, total, unit: 'bytes' }),
    during: async (work) => {
      const begunMs = performance.now();
      const end = (type: 'task.completed' | 'task.failed') =>
        renderer.handle({ type, at: at(), task, title, durationMs: Math.round(performance.now() - begunMs) });
      renderer.handle({ type: 'task.started', at: at(), task, title });
      try {
        const result = await work();
        end('task.completed');
        return result;
      } catch (error) {
        end('task.failed');
        throw error;
      } finally {
        renderer.close();
      }
    },
  };
}
