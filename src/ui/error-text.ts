import type { ErrorDescription } from '../errors.ts';
import { outputLines } from './output-lines.ts';
import { printable, printableLine, printableRow } from './sanitize.ts';
import { textWidth } from './width.ts';
import { wrapHint, wrapLine } from './wrap.ts';

/**
 * An error as text: what failed, its causes, the last output of the program, the way back, a command to try
 * and the log's path. Sentences are wrapped at the screen's width; commands and what a program printed are
 * not, since they are copied.
 */
export function errorLines(error: ErrorDescription, columns = Infinity): string[] {
  const wrapped = (line: string) => wrapLine(line, columns);
  const where = error.step === undefined ? '' : ` (step ${error.step})`;
  const lines = wrapped(`error: ${printableLine(error.message)}${where}`);
  for (const cause of error.causes) lines.push(...wrapped(`  caused by: ${printableLine(cause)}`));
  if (error.output !== undefined && error.output.trim() !== '') {
    const label = error.code === 'bug' ? '  a defect in this program; please report:' : '  last output:';
    lines.push(label);
    lines.push(...outputLines(error.output).map((line) => `    ${line.trimEnd()}`));
  }
  if (error.facts !== undefined && error.facts.length > 0) {
    lines.push(
      '  found on this host:',
      ...error.facts.flatMap((fact) => wrapped(`    ${printableLine(fact)}`)),
    );
  }
  if (error.wayBack !== undefined && error.wayBack.length > 0) {
    lines.push('  the way back:', ...error.wayBack.map((line) => `    ${printableRow(line)}`));
  }
  if (error.hint !== undefined)
    lines.push(
      ...printable(error.hint)
        .split('\n')
        .flatMap((line, at) => hintLines(line, at, columns)),
    );
  if (error.log !== undefined) lines.push(`log: ${printableLine(error.log)}`);
  return lines;
}

/** A command that is longer than the screen stays where it is: no line of its own would hold it. */
function hintLines(hint: string, at: number, columns: number): string[] {
  const head = at === 0 ? 'try: ' : '     ';
  if (textWidth(head + hint) <= columns) return [head + hint];
  const [first = '', ...rest] = wrapHint(hint, columns - head.length);
  if (rest.length === 0)
    return textWidth(hint) > columns ? [head + first] : [...(at === 0 ? ['try:'] : []), first];
  return [head + first, ...rest.map((line) => (textWidth(line) > columns - 5 ? line : `     ${line}`))];
}
