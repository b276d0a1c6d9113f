import type { EngineEvent } from '../engine/events.ts';
import { unmarked } from '../foreign.ts';
import type { Output } from './output.ts';
import type { RenderClock, Renderer } from './renderer.ts';
import { systemRenderClock } from './renderer.ts';

const progressIntervalMs = 250;

/** One event a line; of progress at most four lines a second for each step. */
export function jsonRenderer(output: Output, clock: RenderClock = systemRenderClock): Renderer {
  const lastProgressMs = new Map<string, number>();
  return {
    handle(event: EngineEvent) {
      if (event.type === 'step.progress' || event.type === 'task.progress') {
        const id = event.type === 'step.progress' ? event.step : event.task;
        const nowMs = clock.nowMs();
        if (nowMs - (lastProgressMs.get(id) ?? -Infinity) < progressIntervalMs) return;
        lastProgressMs.set(id, nowMs);
      }
      output.write(`${unmarked(JSON.stringify(event))}\n`);
    },
    close() {},
  };
}
