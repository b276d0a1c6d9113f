import { tableRows } from './wrap.ts';

/** `0.4 s`, `12 s`, `3 m 04 s`, `1 h 12 m`. */
export function formatDuration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (part: number) => String(part).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} m`;
}

/** As a duration, and in days from two of them on. */
export const formatAge = (ms: number): string =>
  ms < 2 * 86_400_000 ? formatDuration(ms) : `${Math.floor(ms / 86_400_000)} days`;

/** Rows as lines with aligned columns, two spaces between; `right` names the columns that are numbers. */
export const columns = (
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  width = Infinity,
): string[] => tableRows(rows, { right, width }).flat();
