import { readRegularText } from '../host/regular-file.ts';
import { IvaapError } from '../errors.ts';
import { isExpired, parseLicense, type License as Grants } from '../policy/entitlements.ts';
import { shellWord } from '../shell-word.ts';

export interface License extends Grants {
  /** As in the file, byte for byte: goes into the product's Secret. */
  text: string;
}

/** Reads a licence for a product, at a given time. Throws `usage`: the file was named on the command line. */
export async function readLicense(path: string, product: string, now: Date): Promise<License> {
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (error) {
    throw new IvaapError('usage', `the licence file ${path} cannot be read`, {
      cause: error,
      hint: `ls -l ${shellWord(path)}`,
    });
  }
  const license = { text, ...parseLicense(text, path) };
  const { product: of } = JSON.parse(text) as { product?: unknown };
  if (of !== undefined && of !== product) {
    throw new IvaapError('usage', `the licence file ${path} is for another product`, {
      hint: 'Name the licence file of this product: --license FILE',
    });
  }
  if (isExpired(license, now)) {
    throw new IvaapError('usage', `the licence in ${path} expired on ${license.expires ?? ''}`, {
      hint: 'Ask the vendor for a new licence, then run the same command again.',
    });
  }
  return license;
}
