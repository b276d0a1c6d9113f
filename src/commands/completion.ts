import { ownProduct } from '../queries/own-product.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import type { Command } from './command.ts';

/** `completion SHELL`: what makes a shell complete the program's names. */
export const completionCommand: Command = {
  arguments: [{ name: '<shell>', summary: 'the shell', choices: ['bash', 'zsh', 'fish'] }],
  options: [],
  touches: [
    'Prints the completions of the program and of its other names, made from the same tables as --help. ' +
      'Reads this file only and changes nothing. `activate` puts them where each shell finds them.',
  ],
  examples: [
    ['completion bash', 'prints them; in the shell that runs: source <(ivaap completion bash)'],
    ['completion fish', 'for fish: ivaap completion fish | source'],
  ],
  exits: ['usage', 'payload', 'failed'],
  async run({ args, signal, tables }) {
    assertStdoutOpen();
    const { completionText } = await import('./share-files.ts');
    const shell = args[0] as 'bash' | 'zsh' | 'fish';
    await answer(await completionText(shell, await ownProduct(), tables), signal);
  },
};
