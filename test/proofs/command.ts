import type { ParseArgsOptionsConfig } from 'node:util';
import { commandLine, refuse as refuseWith } from '../../build/command-line.ts';
import { closingLine, drawnOf, failedOf, failureText, only, prove } from './proof.ts';
import type { Proof, Verdict } from './proof.ts';
import { commitHash } from './commit.ts';

/** The flags that every proof's command has. */
const shared = {
  only: { type: 'string', multiple: true },
  draw: { type: 'string' },
  seed: { type: 'string', default: commitHash() },
  list: { type: 'boolean', default: false },
} as const satisfies ParseArgsOptionsConfig;

const sharedUsage = `  --only TEXT  cases whose id holds a text; may be repeated
  --draw N     as many as that, drawn from --seed
  --seed S     the commit's hash unless said otherwise
  --list       only list the cases`;

export interface Flags {
  only?: string[] | undefined;
  draw?: string | undefined;
  seed: string;
  list: boolean;
}

/** The flags of a command: the shared ones and its own. Ends the process with 2 for one that there is not. */
export function readFlags<Own extends ParseArgsOptionsConfig>(usage: string, own: Own) {
  const text = `${usage}\n${sharedUsage}`;
  const refuse = (problem: string): never => refuseWith(problem, text);
  const numberOf = (name: string, text: string): number => {
    const number = Number(text);
    return Number.isInteger(number) && number > 0 ? number : refuse(`--${name} takes a number from 1 up`);
  };
  const { values } = commandLine(text, { ...shared, ...own });
  const { draw } = values as { draw?: string };
  if (draw !== undefined) numberOf('draw', draw);
  return { values, refuse, numberOf };
}

const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

/**
 * Lists the chosen cases, or tries them, prints what failed and ends with the closing line; exit code 1
 * unless all passed.
 */
export async function carryOut<Case extends { id: string }, Result extends Verdict>(
  proof: Proof<Case, Result>,
  flags: Flags,
  atOnce = 1,
): Promise<void> {
  const wanted = only(proof.groups, (id) => flags.only?.some((text) => id.includes(text)) ?? true);
  const groups = flags.draw === undefined ? wanted : drawnOf(wanted, Number(flags.draw), flags.seed);
  if (flags.list) {
    const about = proof.about ?? (({ id }: Case) => id);
    for (const each of groups.flatMap(({ cases }) => cases)) console.log(about(each));
    return;
  }
  const verdicts = await prove({ ...proof, groups }, { atOnce, say });
  for (const failed of failedOf(verdicts)) console.log(`\n${failureText(failed)}`);
  console.log(`\n${closingLine(proof, verdicts)}`);
  process.exitCode = verdicts.length > 0 && failedOf(verdicts).length === 0 ? 0 : 1;
}
