import type { Again } from '../policy/again.ts';
import type { Prompter } from '../policy/prompter.ts';

/**
 * What asks a person for answers; undefined without a terminal on which it can move the cursor. The library
 * for it is loaded by the first question.
 */
export function loadablePrompter(signal: AbortSignal, again: Again): (() => Promise<Prompter>) | undefined {
  const { stdin, stderr, env } = process;
  const term = env['TERM'] ?? '';
  if (!stdin.isTTY || !stderr.isTTY || term === '' || term === 'dumb') return undefined;
  return async () => {
    const { terminalPrompter } = await import('./prompts.ts');
    return terminalPrompter({ signal, hint: again() });
  };
}
