import type { ShareFiles } from '../flows/activate/plan.ts';
import { pathPlaces, shareFiles as places } from '../policy/path-names.ts';
import { sealed, sealLine } from '../policy/sealed-text.ts';
import type { CommandTables } from './command.ts';
import { bashCompletions } from './completion/bash.ts';
import { fishCompletions } from './completion/fish.ts';
import { completedWords, type ShellProduct } from './completion/words.ts';
import { zshCompletions, zshName } from './completion/zsh.ts';
import { manPages } from './man-page.ts';

/** What `activate` puts into the folders of shells and of `man`, each with its seal. */
export const shareFiles =
  (tables: CommandTables): ShareFiles =>
  async (product) => {
    const { prefix } = pathPlaces(product);
    const words = await completedWords(product, tables);
    const line = sealLine(product.name);
    const each = (texts: Record<string, string>, place: (prefix: string, name: string) => string) =>
      Object.entries(texts).map(([name, text]) => ({
        path: place(prefix, name),
        text: sealed(`# ${line}\n${text}`),
      }));
    const zsh = Object.entries(zshCompletions(words)).map(([name, text]) => ({
      path: places.zsh(prefix, name),
      // The first line has to be zsh's own.
      text: sealed(`#compdef ${name}\n# ${line}\n${text}${zshName(name)} "$@"\n`),
    }));
    const man = [...(await manPages(product, tables))].map(([page, text]) => ({
      path: places.man(prefix, page),
      text: sealed(`.\\" ${line}\n${text}`),
    }));
    return [
      ...each(bashCompletions(words), places.bash),
      ...zsh,
      ...each(fishCompletions(words), places.fish),
      ...man,
    ];
  };

/** What `completion SHELL` prints: all names in one text, to be read by the shell that runs. */
export async function completionText(
  shell: 'bash' | 'zsh' | 'fish',
  product: ShellProduct,
  tables: CommandTables,
): Promise<string> {
  const words = await completedWords(product, tables);
  if (shell === 'bash') return Object.values(bashCompletions(words)).join('\n');
  if (shell === 'fish') return Object.values(fishCompletions(words)).join('\n');
  return Object.entries(zshCompletions(words))
    .map(([name, text]) => `${text}compdef ${zshName(name)} ${name}\n`)
    .join('\n');
}
