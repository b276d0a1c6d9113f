import { createHash } from 'node:crypto';

/**
 * Small files that we put into folders of others carry a seal: whose they are, and the hash of their own
 * text. Whether a file is ours can be told from the file alone, and one that somebody has edited is not ours.
 */

const blank = '0'.repeat(64);
const seal = /ivaap-activate ([a-z0-9-]+) sha256=([0-9a-f]{64})/;

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** The text of the line that has to be in the file, as a comment, before {@link sealed} is asked. */
export const sealLine = (product: string): string => `ivaap-activate ${product} sha256=${blank}`;

/** The text with its seal. */
export const sealed = (text: string): string =>
  text.replace(seal, (line) => line.replace(blank, hashOf(text)));

/** The product whose file it is; undefined for a file of others, or one that was changed. */
export function sealedFor(text: string): string | undefined {
  const [line, product, hash] = seal.exec(text) ?? [];
  if (line === undefined || hash === undefined) return undefined;
  return hashOf(text.replace(line, line.replace(hash, blank))) === hash ? product : undefined;
}
