import { IvaapError } from '../errors.ts';
import { ownProduct } from '../queries/own-product.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import type { Command } from './command.ts';

/** `man`: a page of the manual, as its source. */
export const manCommand: Command = {
  arguments: [{ name: '[page]', summary: "a command's name, or a page's (default: the program's own page)" }],
  options: [],
  touches: [
    'Prints a man page as its source (roff), made from the same tables as --help. Reads this file only and ' +
      'changes nothing. `activate` puts all pages where man finds them.',
  ],
  examples: [
    ['man | man -l -', 'reads the page of the program'],
    ['man install | man -l -', 'reads the page of a command'],
  ],
  exits: ['usage', 'payload', 'failed'],
  async run({ args, signal, program, tables }) {
    assertStdoutOpen();
    const product = await ownProduct();
    const { manPages } = await import('./man-page.ts');
    const pages = await manPages(product, tables);
    const [name = product.command] = args;
    const page = pages.get(name) ?? pages.get(`${product.command}-${name}`);
    if (page === undefined) {
      throw new IvaapError('usage', `there is no page ${name}: ${[...pages.keys()].join(', ')}`, {
        hint: `${program} man | man -l -`,
      });
    }
    await answer(page, signal);
  },
};
