import { type EngineEvent, eventsVersion } from '../../../src/engine/events.ts';
import { textWidth } from '../../../src/ui/width.ts';
import type { Output } from '../../../src/ui/output.ts';
import type { RenderClock } from '../../../src/ui/renderer.ts';

/** A clock that moves when told to, calling back what is due. */
export class ManualClock implements RenderClock {
  #nowMs = 0;
  #timers = new Set<{ intervalMs: number; dueMs: number; callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  /** Everything in these tests is said just now. */
  ageMs(): number {
    return 0;
  }

  every(intervalMs: number, callback: () => void): () => void {
    const timer = { intervalMs, dueMs: this.#nowMs + intervalMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].toSorted((a, b) => a.dueMs - b.dueMs);
      if (!next || next.dueMs > end) break;
      this.#nowMs = next.dueMs;
      next.dueMs += next.intervalMs;
      next.callback();
    }
    this.#nowMs = end;
  }

  get timers(): number {
    return this.#timers.size;
  }
}

/**
 * A terminal of a given width as a person sees it: rows, line feed, carriage return, cursor up, clear to the
 * end, and lines that wrap, again when the width changes. Colors are dropped; any other sequence is an error.
 */
export class Screen implements Output {
  readonly isTerminal = true;
  isBehind = false;
  columns: number;
  /** What is called when the process continues after it was stopped. */
  goOn: () => void = () => {};
  raw = '';
  /** Logical lines; the terminal wraps them at its width of the moment. */
  #lines: string[] = [''];
  /** Rows above the cursor that a cursor-up may cross are counted over wrapped lines. */
  #line = 0;

  /**
   * Whether lines are wrapped again when the width changes (VTE, tmux), or stay as they were written (xterm,
   * PuTTY).
   */
  readonly #rewraps: boolean;
  /** Width at which each line was written. */
  #writtenAt: number[] = [];

  constructor(columns: number, { rewraps = true } = {}) {
    this.columns = columns;
    this.#rewraps = rewraps;
  }

  onContinue(callback: () => void): () => void {
    this.goOn = callback;
    return () => {};
  }

  write(text: string): void {
    this.raw += text;
    const pattern = /\u{1B}\[(\d*)([A-Za-z])|\r|\n|[^\u{1B}\r\n]+|\u{1B}/gu;
    for (const [piece, count, command] of text.matchAll(pattern)) {
      if (piece === '\n') this.#feed();
      else if (piece === '\r') continue;
      else if (command === 'm') continue;
      else if (command === 'A') this.#up(Number(count || '1'));
      else if (command === 'J') this.#lines.length = this.#line + 1;
      else if (command === undefined && piece !== '\u{1B}') this.#put(piece);
      else throw new Error(`unexpected sequence ${JSON.stringify(piece)}`);
    }
  }

  #put(text: string): void {
    this.#lines[this.#line] = (this.#lines[this.#line] ?? '') + text;
    this.#writtenAt[this.#line] = this.columns;
  }

  #feed(): void {
    this.#line += 1;
    this.#lines[this.#line] ??= '';
  }

  #up(rows: number): void {
    let left = rows;
    while (left > 0) {
      if (this.#line === 0) throw new Error('the cursor left the screen');
      this.#line -= 1;
      const columns = this.#rewraps ? this.columns : (this.#writtenAt[this.#line] ?? this.columns);
      left -= Math.max(1, Math.ceil(textWidth(this.#lines[this.#line] ?? '') / columns));
    }
    if (left < 0 && this.#rewraps) throw new Error('the cursor stopped in the middle of a wrapped line');
    if (left < 0) {
      // The rows of the line above the cursor stay.
      const line = this.#lines[this.#line] ?? '';
      this.#lines[this.#line] = line.slice(0, -left * (this.#writtenAt[this.#line] ?? this.columns));
      this.#line += 1;
    }
    this.#lines[this.#line] = '';
  }

  get rows(): string[] {
    const rows = this.#lines.map((line) => line.trimEnd());
    while (rows.at(-1) === '') rows.pop();
    return rows;
  }
}

/** An output that keeps its text, as a file does. */
export class TextOutput implements Output {
  readonly isTerminal = false;
  readonly isBehind = false;
  readonly columns = 80;
  text = '';

  write(text: string): void {
    this.text += text;
  }

  onContinue(): () => void {
    return () => {};
  }

  get lines(): string[] {
    return this.text.split('\n').slice(0, -1);
  }
}

const at = '2026-11-22T15:04:05.678Z';
type WithoutTime<E> = E extends EngineEvent ? Omit<E, 'at'> : never;

/** The event at one fixed time. */
export function timed(event: WithoutTime<EngineEvent>): EngineEvent {
  return { at, ...event } as EngineEvent;
}

export const runStarted = timed({
  type: 'run.started',
  version: eventsVersion,
  run: '20261122T150405Z-upgrade',
  flow: 'upgrade',
  from: '2026.1',
  to: '2026.2',
  resumed: false,
  steps: ['upgrade_preflight', 'upgrade_load_images', 'upgrade_health_backend'].map((id) => ({
    id,
    title: `Title of ${id}`,
    needs: [],
  })),
});

export const started = (step: string): EngineEvent =>
  timed({ type: 'step.started', step, title: `Title of ${step}` });
export const completed = (step: string, durationMs = 1500): EngineEvent =>
  timed({ type: 'step.completed', step, title: `Title of ${step}`, durationMs });
export const bytes = (step: string, done: number, total: number, note?: string): EngineEvent =>
  timed({ type: 'step.progress', step, done, total, unit: 'bytes', ...(note === undefined ? {} : { note }) });

/** One of each kind, as a long run sends them. */
export const oneOfEach: EngineEvent[] = [
  timed({ type: 'task.started', task: 'payload', title: 'Check the payload' }),
  timed({ type: 'task.progress', task: 'payload', done: 5, total: 10, unit: 'bytes' }),
  timed({ type: 'task.completed', task: 'payload', title: 'Check the payload', durationMs: 900 }),
  timed({ type: 'task.started', task: 'other', title: 'Other work' }),
  timed({ type: 'task.failed', task: 'other', title: 'Other work', durationMs: 1 }),
  timed({ type: 'message', level: 'info', line: 'what would happen' }),
  timed({ type: 'message', level: 'warning', line: 'no dump of this upgrade' }),
  runStarted,
  timed({
    type: 'step.skipped',
    step: 'upgrade_preflight',
    title: 'x',
    because: 'completed',
    reason: 'completed at noon',
  }),
  started('upgrade_load_images'),
  bytes('upgrade_load_images', 1, 2, 'an image'),
  timed({ type: 'step.log', step: 'upgrade_load_images', line: 'unpacking' }),
  timed({ type: 'step.warning', step: 'upgrade_load_images', line: 'disk is nearly full' }),
  completed('upgrade_load_images'),
  started('upgrade_health_backend'),
  timed({
    type: 'step.failed',
    step: 'upgrade_health_backend',
    title: 'x',
    durationMs: 61_000,
    error: { code: 'failed', exitCode: 6, message: 'the backend answers 503', causes: [] },
  }),
  timed({
    type: 'run.failed',
    run: 'r',
    durationMs: 65_000,
    error: { code: 'failed', exitCode: 6, message: 'the backend answers 503', causes: [] },
    warnings: ['disk is nearly full'],
  }),
  timed({
    type: 'run.completed',
    run: 'r',
    to: '2026.2',
    durationMs: 65_000,
    ran: ['a'],
    skipped: [],
    warnings: ['disk is nearly full'],
  }),
  timed({ type: 'result', lines: ['2026.2 is installed'], data: {} }),
  timed({
    type: 'error',
    error: {
      code: 'failed',
      exitCode: 6,
      message: 'the backend answers 503',
      causes: ['connection refused'],
      hint: 'kubectl get pods',
      output: 'line one\nline two',
      step: 'upgrade_health_backend',
      log: '/logs/r.jsonl',
    },
  }),
];
