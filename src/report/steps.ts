import type { LogLine } from '../engine/run-log-tail.ts';
import type { RunReport } from './report-schema.ts';

type Step = RunReport['steps'][number];

/** The graph with what was planned and what has happened, over all attempts. */
export class StepReader {
  readonly #steps = new Map<string, Step>();

  get steps(): Step[] {
    return [...this.#steps.values()];
  }

  handle(line: LogLine): void {
    if (line.type === 'run.started') for (const { id, title } of line.steps) this.#of(id, title);
    else if (line.type === 'run.plan') {
      for (const { id, title, summary, details } of line.plan.steps) {
        const step = this.#of(id, title);
        step.plan ??= summary;
        if (step.details.length === 0) step.details = details;
      }
    } else if (line.type === 'step.started') {
      Object.assign(this.#of(line.step, line.title), { outcome: 'cut off', durationMs: null, note: null });
    } else if (line.type === 'step.completed') {
      const { durationMs } = line;
      Object.assign(this.#of(line.step, line.title), { outcome: 'completed', durationMs, note: null });
    } else if (line.type === 'step.failed') {
      const { durationMs, error } = line;
      const change = { outcome: 'failed', durationMs, note: error.message };
      Object.assign(this.#of(line.step, line.title), change);
    } else if (line.type === 'step.skipped') {
      const step = this.#of(line.step, line.title);
      // A step that an earlier attempt completed, which this log has: that is what happened.
      if (line.because === 'completed' && step.outcome === 'completed') return;
      const outcome = line.because === 'completed' ? 'completed' : 'skipped';
      Object.assign(step, { outcome, note: line.reason });
    }
  }

  #of(id: string, title: string): Step {
    const found = this.#steps.get(id);
    if (found !== undefined) return found;
    const step: Step = {
      id,
      title,
      plan: null,
      details: [],
      outcome: 'not started',
      durationMs: null,
      note: null,
    };
    this.#steps.set(id, step);
    return step;
  }
}
