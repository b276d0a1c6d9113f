import { IvaapError } from '../errors.ts';
import type { Session } from '../session/session.ts';

/**
 * The product's name is typed, at the question of `command` or on the command line: `--yes` is no answer to
 * it. Throws `usage` for another name, and where there is nobody to type it.
 */
export function assertNameTyped(
  { product: { name }, again, confirm }: Pick<Session, 'product' | 'again' | 'confirm'>,
  command: 'uninstall' | 'restore',
  options: { confirm: string | undefined; dryRun: boolean },
): void {
  if (options.confirm !== undefined && options.confirm !== name) {
    throw new IvaapError('usage', `--confirm ${options.confirm} is not the name of this product, ${name}`, {
      hint: again({ add: ['--dry-run'], without: ['--confirm'] }),
    });
  }
  if (options.dryRun || options.confirm !== undefined || confirm !== undefined) return;
  throw new IvaapError(
    'usage',
    `${command} asks for the product's name to be typed, but there is no terminal`,
    { hint: again({ add: [`--confirm ${name}`], without: ['--yes'] }) },
  );
}
