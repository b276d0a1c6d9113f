import type { EngineEvent } from '../engine/events.ts';

/** Prints the events of a run; nothing else prints while a run is active. */
export interface Renderer {
  handle(event: EngineEvent): void;
  /** Removes live lines. Can be called twice, and in the middle of a run. */
  close(): void;
}

/** Time for renderers: injected, so that tests need not wait. */
export interface RenderClock {
  nowMs(): number;
  /** The age of an event by its own time: a watched run started before the watching did. */
  ageMs(at: string): number;
  /** Calls back until the returned function is called; does not keep the process alive. */
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
