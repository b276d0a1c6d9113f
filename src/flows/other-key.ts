import type { RunRecord } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { signerOf } from '../payload/format/signature.ts';
import { signedBy } from '../policy/trust.ts';
import type { Session } from '../session/session.ts';

/** Throws `payload`: only files with the key that an install was started with resume, close or undo it. */
export function refuseOtherKey(
  { payload, again }: Pick<Session, 'payload' | 'again'>,
  { key, binary }: Pick<RunRecord, 'key' | 'binary'>,
): void {
  const signer = signerOf(payload.trailer);
  if (key === undefined || key === signer) return;
  throw new IvaapError(
    'payload',
    `this executable is not trusted: it is ${signedBy(signer)}, and the ` +
      `install that was started on this host is ${signedBy(key)}`,
    { hint: again({ program: binary }) },
  );
}
