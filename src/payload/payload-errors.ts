import { IvaapError } from '../errors.ts';

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
      hint: 'download the file again; `verify` names every damaged part',
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
