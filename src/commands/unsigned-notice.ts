import { isUnsigned } from '../queries/own-signature.ts';

/**
 * Prints one line on standard error for every command when this file carries an unsigned payload. A file that
 * cannot be read or is damaged is reported by the command.
 */
export async function noticeUnsigned(
  write: (text: string) => void = (text) => process.stderr.write(text),
): Promise<void> {
  if (!(await isUnsigned())) return;
  write('note: this build is unsigned: damage can be detected, but not who made it\n');
}
