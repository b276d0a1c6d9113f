import { programLine } from './program-line.ts';
import type { EngineEvent } from '../engine/events.ts';
import { ProgressMeter } from './progress.ts';
import { printableLine } from './sanitize.ts';

/** A step or task that is running, according to the events. */
export interface LiveStep {
  id: string;
  title: string;
  startedMs: number;
  meter: ProgressMeter;
  lastLog: string;
}

/** The running steps and tasks with their start times, in order of start. Shared by the text renderers. */
export class LiveSteps {
  readonly #steps = new Map<string, LiveStep>();

  get all(): LiveStep[] {
    return [...this.#steps.values()];
  }

  /** `atMs` is the event's time on the renderer's clock. */
  handle(event: EngineEvent, atMs: number): void {
    if (event.type === 'step.started') this.#start(event.step, event.title, atMs);
    else if (event.type === 'task.started') this.#start(event.task, event.title, atMs);
    else if (event.type === 'step.progress') this.#steps.get(event.step)?.meter.update(event, atMs);
    else if (event.type === 'task.progress') this.#steps.get(event.task)?.meter.update(event, atMs);
    else if (event.type === 'step.log' && event.quiet !== true) {
      const step = this.#steps.get(event.step);
      if (step) step.lastLog = programLine(event.line) ?? step.lastLog;
    } else if (event.type === 'step.completed' || event.type === 'step.failed')
      this.#steps.delete(event.step);
    else if (event.type === 'task.completed' || event.type === 'task.failed') this.#steps.delete(event.task);
    else if (
      event.type === 'run.completed' ||
      event.type === 'run.failed' ||
      event.type === 'result' ||
      event.type === 'error'
    )
      this.#steps.clear();
  }

  #start(id: string, title: string, startedMs: number): void {
    this.#steps.set(id, {
      id,
      title: printableLine(title),
      startedMs,
      meter: new ProgressMeter(),
      lastLog: '',
    });
  }
}
