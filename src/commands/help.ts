import { type Command as Commander, Option } from 'commander';
import { type ErrorCode, errorCodes } from '../errors.ts';
import type { Command } from './command.ts';

export const helpWidth = 100;

/** Arguments, options and what stands below them in `--help`. */
export function describe(sub: Commander, command: Command, program: string): void {
  for (const { name, summary } of command.arguments ?? []) sub.argument(name, summary);
  for (const { flags, summary, choices, default: value, conflicts, repeatable } of command.options) {
    const option = new Option(flags, summary);
    if (choices !== undefined) option.choices(choices);
    if (value !== undefined) option.default(value);
    if (repeatable === true) option.argParser((one: string, all: string[] = []) => [...all, one]);
    if (conflicts !== undefined) option.conflicts([...conflicts]);
    sub.addOption(option);
  }
  sub.addHelpText('after', () => helpFooter(command, program));
}

/** Enough to work from without the guide. */
function helpFooter(command: Command, program: string): string {
  const examples = command.examples.map(([line, does]) => `  ${program} ${line}\n      ${does}`).join('\n');
  return `\n${command.touches}\n\nExamples:\n${examples}\n\nExit codes:\n${exitLines(command.exits)}`;
}

function exitLines(codes: readonly ErrorCode[]): string {
  const rows = codes.map((code) => [errorCodes[code].exit, errorCodes[code].meaning] as const);
  rows.sort(([a], [b]) => a - b);
  return [[0, 'done'] as const, ...rows]
    .map(([exit, meaning]) => `  ${String(exit).padEnd(5)}${meaning}`)
    .join('\n');
}
