import { resolve } from 'node:path';
import type { Again } from '../policy/again.ts';
import { asThisUser, quotedWord, shellWord } from '../shell-word.ts';
import type { CommandOption } from './command.ts';

const flagOf = (text: string) => /^--[a-z][a-z-]*/.exec(text)?.[0];

/**
 * `typed` is the program as messages print it, `args` are what was typed after its name; `options` say which
 * flags take a value.
 */
export function typedAgain(
  typed: string,
  args: readonly string[],
  options: readonly Pick<CommandOption, 'flags' | 'repeatable'>[],
): Again {
  const known = (flag: string) => options.find(({ flags }) => flagOf(flags) === flag);
  const isPath = (flag: string | undefined) =>
    flag !== undefined && /<(file|folder)>/.test(known(flag)?.flags ?? '');
  const programIn = (program: string | undefined, anywhere: boolean) => {
    if (program === undefined) return typed;
    return anywhere ? shellWord(program) : asThisUser(shellWord(program));
  };
  return ({ add = [], without = [], program, anywhere = false } = {}) => {
    const replaced = add.map(flagOf).filter((flag = '') => known(flag)?.repeatable !== true);
    const gone = new Set<string | undefined>([...without, ...replaced]);
    const kept: string[] = [];
    let at = 0;
    // Arguments after `--` are not flags.
    for (; at < args.length && args[at] !== '--'; at += 1) {
      const word = args[at] ?? '';
      const flag = flagOf(word);
      const takesNext =
        flag !== undefined && known(flag)?.flags.includes('<') === true && !word.includes('=');
      const given = args.slice(at, takesNext ? at + 2 : at + 1);
      const isWritten = isPath(flag) || (flag === undefined && at > 0 && word.includes('/'));
      const written = anywhere && isWritten ? withFullPath(given, flag === undefined) : given;
      if (!gone.has(flag)) kept.push(...written.map(quotedWord));
      if (takesNext) at += 1;
    }
    const rest = args.slice(at).map(quotedWord);
    return [programIn(program, anywhere), ...kept, ...add, ...rest].join(' ');
  };
}

/** `--license x.json` or `--license=x.json`, or an argument, with an absolute path. */
function withFullPath([word = '', value]: readonly string[], isArgument: boolean): string[] {
  if (isArgument) return [resolve(word)];
  if (value !== undefined) return [word, resolve(value)];
  const at = word.indexOf('=') + 1;
  return at === 0 ? [word] : [word.slice(0, at) + resolve(word.slice(at))];
}
