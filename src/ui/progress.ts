import type { Progress } from '../engine/step.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { formatDuration } from './format.ts';
import { printableLine } from './sanitize.ts';

const rateWindowMs = 5000;

/** Turns progress reports into text with a rate over the last seconds. */
export class ProgressMeter {
  #latest: Progress | undefined;
  #samples: { atMs: number; done: number }[] = [];

  update(progress: Progress, atMs: number): void {
    // A new unit or a smaller number starts another piece of work.
    if (this.#latest && (this.#latest.unit !== progress.unit || this.#latest.done > progress.done)) {
      this.#samples = [];
    }
    this.#latest = progress;
    const last = this.#samples.at(-1);
    if (last && atMs - last.atMs < 100) return;
    this.#samples.push({ atMs, done: progress.done });
    while (this.#samples.length > 2 && atMs - (this.#samples[0]?.atMs ?? atMs) > rateWindowMs) {
      this.#samples.shift();
    }
  }

  /** Bytes per second; undefined before there are enough samples. */
  #rate(nowMs: number): number | undefined {
    const first = this.#samples[0];
    if (this.#latest?.unit !== 'bytes' || !first || nowMs - first.atMs < 500) return undefined;
    return ((this.#latest.done - first.done) * 1000) / (nowMs - first.atMs);
  }

  get note(): string {
    return printableLine(this.#latest?.note ?? '');
  }

  /** `212 MiB of 1.95 GiB, 48.0 MiB/s, 37 s left`, `3 of 5 pods`; empty without a report. */
  text(nowMs: number): string {
    if (!this.#latest) return '';
    const { done, total, unit } = this.#latest;
    if (unit !== 'bytes') return `${done}${total === undefined ? '' : ` of ${total}`} ${printableLine(unit)}`;
    // All bytes are done: the rest of the work is not measured in bytes.
    const rate = total !== undefined && done >= total ? undefined : this.#rate(nowMs);
    const amount = total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
    if (rate === undefined || rate <= 0) return amount;
    const left = total === undefined ? '' : `, ${formatDuration(((total - done) / rate) * 1000)} left`;
    return `${amount}, ${formatBytes(rate)}/s${left}`;
  }

  /** `[=====>    ]`; empty when the total is unknown. */
  bar(width: number): string {
    if (!this.#latest || this.#latest.total === undefined || this.#latest.total <= 0) return '';
    const share = Math.min(1, Math.max(0, this.#latest.done / this.#latest.total));
    const filled = Math.floor(share * width);
    const head = filled < width ? '>' : '';
    return `[${`${'='.repeat(filled)}${head}`.padEnd(width)}]`;
  }
}
