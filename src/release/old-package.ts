import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { openRegular } from '../host/regular-file.ts';
import { signerOf } from '../payload/format/signature.ts';
import { openPayload } from '../payload/open-payload.ts';
import type { Payload } from '../payload/reader.ts';
import { signedBy } from '../policy/trust.ts';
import { sameRecordedVersion } from '../version.ts';
import { shellWord } from '../shell-word.ts';
import type { StepContext } from './context.ts';
import type { RestoreTarget } from './restore-record.ts';

/**
 * The package of a release that was installed here, which the caller closes: of this product, of that
 * version, and signed by the key that signed it then. Where that is not known, or it was unsigned, it has to
 * be the very same payload.
 * Throws 'usage' for what is no such file, 'version' for another release, 'payload' for one that is damaged
 * or not trusted. Reads its trailer and its index; whatever else is read of it is proved by them.
 */
export async function openOldPackage(
  path: string,
  { product }: Pick<StepContext, 'product'>,
  { release }: Pick<RestoreTarget, 'release'>,
): Promise<Payload> {
  await openRegular(path).then(
    (handle) => handle.close(),
    (cause: unknown) => {
      const hint = `ls -ld ${shellWord(path)}`;
      throw new IvaapError('usage', `${path} cannot be read`, { hint, cause });
    },
  );
  const payload = await openPayload(path);
  try {
    assertIsOf(payload, path, { product: product.name, release });
    return payload;
  } catch (error) {
    await payload.close();
    throw error;
  }
}

function assertIsOf(
  { identity, trailer, digest }: Payload,
  path: string,
  { product, release }: Pick<RestoreTarget, 'release'> & { product: string },
): void {
  const hint = `name the file with which ${release.version} was installed`;
  if (identity.product !== product) {
    throw new IvaapError(
      'usage',
      `${path} is of the product ${foreign(identity.product)}, not of ${product}`,
      {
        hint,
      },
    );
  }
  if (!sameRecordedVersion(identity.version, release.version)) {
    const message = `${path} is of the release ${foreign(identity.version)}, not of ${release.version}`;
    throw new IvaapError('version', `${message}. Nothing was changed`, { hint });
  }
  const signer = signerOf(trailer);
  // Absent in older records.
  const key = release['key'];
  const known = typeof key === 'string' || key === null ? key : signer;
  const isSame = digest === release.payloadDigest;
  if (signer === known && (isSame || (signer !== null && key !== undefined))) return;
  const why =
    signer === known
      ? `it is ${signedBy(signer)}, and not the file with which that release was installed`
      : `it is ${signedBy(signer)}, and that release was ${signedBy(known)}`;
  throw new IvaapError('payload', `${path} is not trusted: ${why}. Nothing was changed`, { hint });
}
