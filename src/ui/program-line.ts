import { printableLine } from './sanitize.ts';

/**
 * A timestamp at the start of a line: ISO 8601, klog's `I1127 13:04:05.678901 42 file.go:12]`, and logfmt's
 * `time=`.
 */
const times = [
  /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?:?\s+/,
  /^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w.-]+:\d+\]\s*/,
  /^time="?\d{4}-\d\d-\d\dT[^"\s]+"?\s+/,
];

/** Lines of Helm's output that are left out: its own time, and that there are no tests. */
const idle = /^(?:TEST SUITE: None|LAST DEPLOYED: .*)$/;

/**
 * A line of a program's output without its timestamp, since ours has one; undefined where nothing is left.
 */
export function programLine(line: string): string | undefined {
  const text = printableLine(line);
  if (idle.test(text)) return undefined;
  const rest = times.reduce((left, time) => left.replace(time, ''), text);
  return rest === '' ? undefined : rest;
}
