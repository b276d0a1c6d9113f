import type { ErrorDescription } from '../errors.ts';
import { printable, printableLine, printableRow } from './sanitize.ts';

/**
 * An error as text: what failed, its causes, the last output of the program, the way back, a command to try
 * and the log's path.
 */
export function errorLines(error: ErrorDescription): string[] {
  const where = error.step === undefined ? '' : ` (step ${error.step})`;
  const lines = [`error: ${printableLine(error.message)}${where}`];
  for (const cause of error.causes) lines.push(`  caused by: ${printableLine(cause)}`);
  if (error.output !== undefined && error.output.trim() !== '') {
    const label = error.code === 'bug' ? '  a defect in this program; please report:' : '  last output:';
    lines.push(label);
    for (const line of printable(error.output).trimEnd().split('\n')) lines.push(`    ${line.trimEnd()}`);
  }
  if (error.facts !== undefined && error.facts.length > 0) {
    lines.push('  found on this host:', ...error.facts.map((fact) => `    ${printableLine(fact)}`));
  }
  if (error.wayBack !== undefined && error.wayBack.length > 0) {
    lines.push('  the way back:', ...error.wayBack.map((line) => `    ${printableRow(line)}`));
  }
  if (error.hint !== undefined) lines.push(`try: ${printable(error.hint).replaceAll('\n', '\n     ')}`);
  if (error.log !== undefined) lines.push(`log: ${printableLine(error.log)}`);
  return lines;
}
