import { isUnsigned } from '../queries/own-signature.ts';

/**
 * One line on standard error when this file carries an unsigned payload, whatever the command; a signed one has nothing to say. A
 * file that cannot be read or is damaged is the command's to speak of.
 */
export async function noticeUnsigned(): Promise<void> {
  if (!(await isUnsigned())) return;
  process.stderr.write('note: this build is unsigned: damage can be detected, but not who made it\n');
}
