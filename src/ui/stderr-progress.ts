import type { Emit } from '../engine/events.ts';
import { chooseRenderer } from './choose-renderer.ts';
import { guardedOutput } from './output.ts';

/** Shows a query's progress on standard error while it works, only on a terminal. */
export async function withStderrProgress<T>(work: (emit: Emit) => Promise<T>): Promise<T> {
  const output = guardedOutput(process.stderr);
  if (!output.isTerminal) return work(() => {});
  const renderer = chooseRenderer(output, { json: false, env: process.env });
  try {
    return await work(renderer.handle);
  } finally {
    renderer.close();
  }
}
