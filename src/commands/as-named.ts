import { basename } from 'node:path';
import { ownRole } from '../queries/own-role.ts';
import { commands } from './commands.ts';
import type { Invocation } from './command.ts';

type Started = Pick<Invocation, 'program' | 'signal' | 'secondSignal'> & { umask: number };

/**
 * What the name asks for by which this executable was started: the commands, a dump of the database, or
 * kubectl, which this process then becomes. `name` is undefined where it was not started by a name of its
 * own.
 */
export async function asNamed(
  name: string | undefined,
  args: readonly string[],
  context: Started,
): Promise<() => Promise<void>> {
  const fileName = basename(process.execPath);
  // Typed as it was delivered: nothing has to be read for it.
  const isPlain = name === fileName && commands.some((entry) => entry.name === args[0]);
  const own = name === undefined || isPlain ? undefined : await ownRole(name, fileName);
  if (own === undefined || own.role === 'main') {
    const { runProgram } = await import('./program.ts');
    return () => runProgram(args, context);
  }
  const { programs } = await import('./programs.ts');
  const { summary } = programs[own.role];
  if (own.role === 'kubectl') {
    const { runKubectl } = await import('./kubectl.ts');
    return runKubectl(args, own.product, { ...context, summary });
  }
  const { runAlone } = await import('./alone.ts');
  const { pgDumpCommand } = await import('./pg-dump.ts');
  return () => runAlone(pgDumpCommand, summary, args, { ...context, tables: { commands, programs } });
}
