import { formatDuration } from '../ui/format.ts';
import { html } from '../ui/html.ts';
import type { RunReport } from './report-schema.ts';
import { clock } from './summary.ts';

type Attempt = RunReport['attempts'][number];

const width = 960;
const labelWidth = 250;
const right = 70;
const rowHeight = 22;
const head = 26;
/** Of a chart; a graph has a dozen steps. */
const mostSpans = 60;

const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

/** What ran in one attempt as bars over the same time; behind them is the time when the product was down. */
export function timelineSvg(attempt: Attempt, downtime: RunReport['downtime'], id: string): string {
  const from = Date.parse(attempt.from);
  const to = Math.max(Date.parse(attempt.to), from + 1);
  const spans = attempt.spans.slice(0, mostSpans);
  const height = head + spans.length * rowHeight + 8;
  const x = (ms: number): number => {
    const part = (Math.min(Math.max(ms, from), to) - from) / (to - from);
    return Math.round((labelWidth + part * (width - labelWidth - right)) * 10) / 10;
  };
  const every = (steps.find((step) => (to - from) / 1000 / step <= 8) ?? 7 * 86_400) * 1000;
  const ticks = Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, at) => at * every).slice(
    0,
    100,
  );
  const bands = downtime.intervals
    .map((one) => ({ from: Date.parse(one.from), to: one.to === null ? to : Date.parse(one.to) }))
    .filter((one) => one.from < to && one.to > from);
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc">`,
    `<title id="${id}-title">Time line from ${clock(attempt.from)} to ${clock(attempt.to)} UTC</title>`,
    `<desc id="${id}-desc">The same times are in the table of steps.</desc>`,
    ...bands.map(
      (one) =>
        `<rect class="down" x="${x(one.from)}" y="${head - 6}" ` +
        `width="${Math.max(2, x(one.to) - x(one.from)).toFixed(1)}" height="${height - head + 6}"/>`,
    ),
    ...ticks.map(
      (ms) =>
        `<path class="tick" d="M${x(from + ms)} ${head - 6}V${height}"/>` +
        `<text class="small" x="${x(from + ms)}" y="14" text-anchor="middle">${formatDuration(ms)}</text>`,
    ),
    ...spans.map((span, row) => bar(span, { row, x, to })),
    '</svg>',
  ].join('\n');
}

function bar(
  { id, from, to, outcome, kind }: Attempt['spans'][number],
  { row, x, to: last }: { row: number; x: (ms: number) => number; to: number },
): string {
  const top = head + row * rowHeight;
  const startMs = Date.parse(from);
  const endMs = to === null ? last : Date.parse(to);
  const start = x(startMs);
  const end = Math.max(start + 2, x(endMs));
  const took = formatDuration(Math.max(0, endMs - startMs));
  const label = outcome === 'completed' ? took : `${took}, ${outcome}`;
  const style = outcome === 'failed' ? 'failed' : outcome === 'cut off' ? 'cut' : kind;
  // Beside the bar, on the side that has room.
  const [at, anchor] = end > width - 180 ? [start - 5, 'end'] : [end + 5, 'start'];
  return (
    `<text x="0" y="${top + 14}">${html(id.slice(0, 34))}</text>` +
    `<rect class="${style}" x="${start}" y="${top + 3}" ` +
    `width="${(end - start).toFixed(1)}" height="14" rx="2"/>` +
    (at < labelWidth + 60 && anchor === 'end'
      ? `<text class="small on" x="${start + 6}" y="${top + 14}">${html(label)}</text>`
      : `<text class="small" x="${at}" y="${top + 14}" text-anchor="${anchor}">${html(label)}</text>`)
  );
}
