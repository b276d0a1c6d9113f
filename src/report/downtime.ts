import type { LogLine } from '../engine/run-log-tail.ts';
import type { RunReport } from './report-schema.ts';

type Downtime = RunReport['downtime'];

/** When the product did not answer, from the events of its probe over all attempts. */
export class DowntimeReader {
  readonly #intervals: Downtime['intervals'] = [];
  readonly #why: string[] = [];
  readonly #routes = new Set<string>();
  #probes = 0;
  /** A probe is under way. */
  #probing = false;
  #measured = false;
  #atLeast = false;
  /** Until when the last interval is known to have lasted, while it has no end. */
  #untilMs = 0;

  get #open(): Downtime['intervals'][number] | undefined {
    const last = this.#intervals.at(-1);
    return last?.to === null ? last : undefined;
  }

  handle(line: LogLine): void {
    const atMs = Date.parse(line.at);
    if (line.type === 'LOG') this.cutOff();
    if (line.type === 'probe.started') {
      this.#probing = true;
      for (const route of line.routes) this.#routes.add(route);
      if (line.healthy) {
        this.#measured = true;
        // Nobody looked between two attempts: it may have been back earlier.
        if (this.#open !== undefined) this.#open.to = line.at;
      } else if (this.#open === undefined) {
        this.#why.push(`the product did not answer as expected before Helm (${line.answer})`);
        this.#atLeast = true;
      }
    } else if (line.type === 'probe.changed') {
      if (line.healthy && this.#open !== undefined) this.#open.to = line.at;
      else if (line.healthy) this.#why.push(`it answered from ${line.at} on`);
      else {
        this.#measured = true;
        this.#intervals.push({ from: line.lastAt, to: null, answer: line.answer });
      }
    } else if (line.type === 'probe.ended') {
      this.#probing = false;
      this.#probes += line.probes;
      if (line.why !== undefined) this.#why.push(line.why);
    }
    if (this.#probing || line.type === 'probe.ended') this.#untilMs = atMs;
  }

  /** The process ended without a word: what the product did since is not known. */
  cutOff(): void {
    if (!this.#probing) return;
    this.#probing = false;
    this.#atLeast = true;
    const at = new Date(this.#untilMs).toISOString();
    this.#why.push(`the run was cut off, and nothing was measured after ${at}`);
  }

  result(without: string): Downtime {
    const open = this.#open;
    const total = this.#intervals.reduce(
      (sum, { from, to }) =>
        sum + Math.max(0, (to === null ? this.#untilMs : Date.parse(to)) - Date.parse(from)),
      0,
    );
    const why = this.#measured || this.#why.length > 0 ? this.#why : [without];
    return {
      measured: this.#measured,
      why: why.length === 0 ? null : why.join('; '),
      totalMs: this.#measured ? total : null,
      atLeast: this.#measured && (this.#atLeast || open !== undefined),
      routes: [...this.#routes],
      probes: this.#probes,
      intervals: this.#intervals,
    };
  }
}
