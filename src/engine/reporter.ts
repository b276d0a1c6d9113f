import { type Clock, systemClock } from './clock.ts';
import type { Emit, EngineEvent } from './events.ts';
import { Redactor } from './redact.ts';
import { RunLog } from './run-log.ts';

type Untimed<Event> = Event extends EngineEvent ? Omit<Event, 'at'> & { at?: string } : never;

/** An event as it is reported: the reporter says when it happened, unless it was earlier. */
export type Reported = Untimed<EngineEvent>;
export type Report = (event: Reported) => void;

export interface ReporterOptions {
  /** Draws a finished event. */
  draw: Emit;
  redactor?: Redactor;
  clock?: Clock;
}

/** The one way out for events: each is stamped, logged, and redacted and drawn here. */
export class Reporter {
  readonly redactor: Redactor;
  readonly clock: Clock;
  /**
   * Follows from the first event on; once a run has started it redacts, with the secrets known by then, and
   * writes.
   */
  readonly log: RunLog;
  readonly #draw: Emit;

  constructor({ draw, redactor = new Redactor(), clock = systemClock }: ReporterOptions) {
    this.#draw = draw;
    this.redactor = redactor;
    this.clock = clock;
    this.log = new RunLog();
  }

  readonly report: Report = (reported) => {
    const event = this.#stamped(reported);
    this.log.handle(event);
    this.#draw(this.redactor.value(event));
  };

  /** For the log alone: how the run ended, which the command itself shows. */
  readonly record: Report = (reported) => this.log.handle(this.#stamped(reported));

  readonly warn = (line: string): void => this.report({ type: 'message', level: 'warning', line });

  #stamped({ type, ...rest }: Reported): EngineEvent {
    return { type, at: this.clock.now().toISOString(), ...rest } as EngineEvent;
  }
}
