import { commands } from '../src/commands/commands.ts';
import { type ErrorCode, errorCodes } from '../src/errors.ts';
import type { GeneratedPage } from './generated-page.ts';
import { generatedPage, writePage } from './generated-page.ts';

/** `node scripts/exit-codes.ts` writes docs/exit-codes.md from the one table of codes. */

const next: Record<ErrorCode, string> = {
  declined: 'Run it again and answer with `y`, or add `--yes`.',
  usage: 'Nothing was changed. The hint is the command as it was meant.',
  preflight: 'Fix what the report names and run the command again.',
  payload: 'Copy the file again, and compare its size and SHA-256 with the delivery.',
  version: 'Follow the hint: another package, or the guide that it names.',
  failed: 'Completed steps are kept.',
  rolled_back: 'Fix the cause and run the same command again.',
  schema_moved:
    'Fix the cause and run the same command again, or go back with `restore`, as the message says.',
  locked: 'Wait for the other run; `status --watch` shows it live.',
  nothing_to_do: 'Nothing to do otherwise.',
  bug: 'Send the message and the run log to support.',
  interrupted: 'It resumes.',
  terminated: 'It resumes.',
};

/** Codes that say something else of one command. */
async function ofOneCommand(): Promise<string[]> {
  const rows = commands.map(async ({ name, load }) => {
    const { exitMeanings = {} } = await load();
    return Object.entries(exitMeanings).map(([code, meaning]) => {
      const { exit } = errorCodes[code as ErrorCode];
      return `- **${exit}** \`${code}\`, of \`${name}\`: ${meaning}.`;
    });
  });
  return (await Promise.all(rows)).flat();
}

export async function exitCodesPage(): Promise<GeneratedPage> {
  const codes = Object.entries(errorCodes) as [ErrorCode, { exit: number; meaning: string }][];
  const lines = codes.map(
    ([code, { exit, meaning }]) => `- **${exit}** \`${code}\`: ${meaning}. ${next[code]}`,
  );
  const markdown = `# Exit codes

The exit code says what the host is like now and what helps. The name is what \`--json\` gives as \`error.code\`.
With 6, 7 and 8 the message also says what became of the database schema.

- **0**: done.
${[...lines, ...(await ofOneCommand())].join('\n')}

## What a failure prints

1. What failed, in the operator's words, and the step.
2. The chain of causes, a line each (\`caused by:\`).
3. The last lines of the program that failed (\`last output:\`).
4. Without a readable state: what the host itself shows (\`found on this host:\`).
5. Of a failed upgrade: the dump, and with 8 the command that goes back to it (\`the way back:\`).
6. What to try next (\`try:\`).
7. The path of the run log (\`log:\`).

\`--json\` prints the same as one object, the event \`error\` of [events.md](events.md). Secrets are replaced by \`[redacted]\`
in all of it.
`;
  return generatedPage('exit-codes.md', 'scripts/exit-codes.ts', markdown);
}

if (import.meta.main) writePage(await exitCodesPage());
