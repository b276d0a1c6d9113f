import type { EngineEvent } from '../engine/events.ts';

/** Draws the events of a run; the only thing that prints while one goes on. */
export interface Renderer {
  handle(event: EngineEvent): void;
  /** Leaves the output clean. Safe to call twice, and in the middle of a run. */
  close(): void;
}

/** Time for renderers: injected, so that tests need not wait. */
export interface RenderClock {
  nowMs(): number;
  /** How long ago something was said, by its own time: a run that is watched has begun before the watching. */
  ageMs(at: string): number;
  /** Calls back again and again until the returned function is called; does not keep the process alive. */
  every(intervalMs: number, callback: () => void): () => void;
}

export const systemRenderClock: RenderClock = {
  nowMs: () => performance.now(),
  ageMs: (at) => Math.max(0, Date.now() - Date.parse(at)) || 0,
  every(intervalMs, callback) {
    const timer = setInterval(callback, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};
