import type { Emit } from '../engine/events.ts';

/** Work that is measured in bytes and reports its progress. */
export interface ByteTask {
  /** Bytes done so far. */
  progress: (done: number) => void;
  /** Reports start and end of `work`; returns or throws what it does. */
  during: <T>(work: () => Promise<T>) => Promise<T>;
}

/** `task` is one word, `title` what it does. */
export function byteTask(
  emit: Emit,
  { task, title, total }: { task: string; title: string; total: number },
): ByteTask {
  const at = () => new Date().toISOString();
  return {
    progress: (done) => emit({ type: 'task.progress', at: at(), task, done, total, unit: 'bytes' }),
    during: async (work) => {
      const startedMs = performance.now();
      const end = (type: 'task.completed' | 'task.failed') =>
        emit({ type, at: at(), task, title, durationMs: Math.round(performance.now() - startedMs) });
      emit({ type: 'task.started', at: at(), task, title });
      try {
        const result = await work();
        end('task.completed');
        return result;
      } catch (error) {
        end('task.failed');
        throw error;
      }
    },
  };
}
