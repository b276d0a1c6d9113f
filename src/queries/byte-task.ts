import type { Emit } from '../engine/events.ts';

/** Work that is measured in bytes and told while it goes on. */
export interface ByteTask {
  /** Bytes done so far. */
  progress: (done: number) => void;
  /** Tells begin and end of `work`; what it returns or throws is passed on. */
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
