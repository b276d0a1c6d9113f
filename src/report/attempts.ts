import type { LogLine } from '../engine/run-log-tail.ts';
import type { RunReport } from './report-schema.ts';

type Attempt = RunReport['attempts'][number];
type Span = Attempt['spans'][number];

/** What ran in each attempt, and when. */
export class AttemptReader {
  readonly attempts: Attempt[] = [];
  readonly #open = new Map<string, Span>();

  handle(line: LogLine): void {
    if (line.type === 'LOG') {
      this.cutOff();
      this.attempts.push(attemptOf(line.at, line.by));
      return;
    }
    const attempt = this.attempts.at(-1) ?? attemptOf(line.at, null);
    if (this.attempts.length === 0) this.attempts.push(attempt);
    // What was measured before the run was recorded is written after its first line.
    if (line.at < attempt.from) attempt.from = line.at;
    if (line.at > attempt.to) attempt.to = line.at;
    if (line.type === 'RESULT') {
      attempt.status = line.status;
      attempt.exitCode = line.exitCode;
      this.cutOff();
    } else if (line.type === 'step.started') this.#start('step', line.step, line.title, line.at);
    else if (line.type === 'task.started') this.#start('task', line.task, line.title, line.at);
    else if (line.type === 'step.completed') this.#end(line.step, line.at, 'completed');
    else if (line.type === 'step.failed') this.#end(line.step, line.at, 'failed');
    else if (line.type === 'task.completed') this.#end(line.task, line.at, 'completed');
    else if (line.type === 'task.failed') this.#end(line.task, line.at, 'failed');
  }

  /** Nothing says how what is still open has ended. */
  cutOff(): void {
    this.#open.clear();
  }

  #start(kind: Span['kind'], id: string, title: string, from: string): void {
    const span: Span = { id, title, kind, from, to: null, outcome: 'cut off' };
    this.attempts.at(-1)?.spans.push(span);
    this.#open.set(id, span);
  }

  #end(id: string, to: string, outcome: Span['outcome']): void {
    const span = this.#open.get(id);
    if (span === undefined) return;
    Object.assign(span, { to, outcome });
    this.#open.delete(id);
  }
}

const attemptOf = (at: string, by: string | null): Attempt => ({
  by,
  from: at,
  to: at,
  status: null,
  exitCode: null,
  spans: [],
});
