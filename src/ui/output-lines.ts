import { printable } from './sanitize.ts';

const head = 600;
const tail = 400;

/**
 * The output of a program as lines that are shown. Of a long one, as of JSON, only its start and end: what
 * Go's programs print ends with the cause. Nothing may be judged by them.
 */
export const outputLines = (output: string): string[] => printable(output).trimEnd().split('\n').map(clipped);

function clipped(line: string): string {
  const characters = [...line];
  const leftOut = characters.length - head - tail;
  if (leftOut <= 0) return line;
  const [start, end] = [characters.slice(0, head), characters.slice(-tail)].map((part) => part.join(''));
  return `${start} … ${leftOut} characters left out … ${end}`;
}
