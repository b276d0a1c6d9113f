import { IvaapError } from '../errors.ts';

/** What to do with a file that is not as it was delivered, on a host that may have no network. */
export const copyAgain = 'copy it again from its source, and compare the SHA-256 of both';

/** The error for damaged bytes [from, to) of a file. */
export function damagedRange(
  file: string,
  what: string,
  from: number,
  to: number,
  cause?: unknown,
): IvaapError {
  return new IvaapError(
    'payload',
    `the payload is damaged in ${what} (bytes ${from} to ${to - 1} of ${file})`,
    {
      hint: `${copyAgain}; \`verify\` names every damaged part`,
      cause,
    },
  );
}

/** The hashes are right and the contents are not: a packer's mistake, or another program's file. */
export const contradictory = (file: string, why: string, cause?: unknown): IvaapError =>
  new IvaapError('payload', `the payload of ${file} contradicts itself: ${why}`, {
    hint: 'it was packed this way: ask the vendor for another file',
    cause,
  });
