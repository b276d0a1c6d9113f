import { printableLine } from './sanitize.ts';

/** A time at the beginning of a line: ISO 8601, klog's `I1127 13:04:05.678901 42 file.go:12]`, and logfmt's `time=`. */
const times = [
  /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?:?\s+/,
  /^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ [\w.-]+:\d+\]\s*/,
  /^time="?\d{4}-\d\d-\d\dT[^"\s]+"?\s+/,
];

/** What Helm says at its end and nobody needs: a time of its own, and that no test is there. */
const idle = /^(?:TEST SUITE: None|LAST DEPLOYED: .*)$/;

/** What a program said, for a line that has its own time already; undefined where nothing is left to say. */
export function programLine(line: string): string | undefined {
  const text = printableLine(line);
  if (idle.test(text)) return undefined;
  const rest = times.reduce((left, time) => left.replace(time, ''), text);
  return rest === '' ? undefined : rest;
}
