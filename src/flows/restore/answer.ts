import { IvaapError } from '../../errors.ts';
import type { Session } from '../../session/session.ts';

/** The name is typed, at the question or on the command line: `--yes` is no answer to it. */
export function assertAnswer(
  { product: { name }, again, confirm }: Pick<Session, 'product' | 'again' | 'confirm'>,
  options: { confirm: string | undefined; dryRun: boolean },
): void {
  if (options.confirm !== undefined && options.confirm !== name) {
    throw new IvaapError('usage', `--confirm ${options.confirm} is not the name of this product, ${name}`, {
      hint: again({ add: ['--dry-run'], without: ['--confirm'] }),
    });
  }
  if (options.dryRun || options.confirm !== undefined || confirm !== undefined) return;
  throw new IvaapError('usage', "restore asks for the product's name to be typed, but there is no terminal", {
    hint: again({ add: [`--confirm ${name}`], without: ['--yes'] }),
  });
}
