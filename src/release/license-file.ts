import { hostIdentity } from '../host/host-identity.ts';
import { readRegular } from '../host/regular-file.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { type License as Grants, licenseText, parseLicense, serverLicense } from '../policy/entitlements.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { expiredOn, grantedNow } from '../policy/license-verdict.ts';
import type { Product } from '../payload/product-schema.ts';
import { shellWord } from '../shell-word.ts';

export interface License extends Grants {
  text: string;
  /** As in the file, byte for byte: goes into the product's Secret. */
  bytes: Uint8Array;
}

/** The product's name, and what its entitlements are called. */
type Licensed = Pick<Product, 'name' | 'entitlements'>;

/** What is longer is no licence that anybody was given. */
const mostBytes = 8 * 1024 * 1024;
/** Kubernetes' limit for the data of a Secret: what is longer is never handed to a program. */
export const secretBytes = 1024 * 1024;

/**
 * Reads a licence, valid or not. Instead of a file it may be where the licence server is, `27000@host`.
 * Throws `usage`: it was named on the command line.
 */
export async function openLicense(path: string, product: Licensed): Promise<License> {
  const refuse = (why: string, detail: { cause?: unknown; hint: string }) =>
    new IvaapError('usage', `the licence file ${path} ${why}`, detail);
  let bytes: Buffer;
  try {
    bytes = await readRegular(path, mostBytes);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const server = missing ? serverLicense(path) : undefined;
    if (server !== undefined) return { ...server, text: path, bytes: Buffer.from(path) };
    if (missing && /^[^/]*@[^/]*$/.test(path)) {
      throw new IvaapError('usage', `${path} is no licence server, and there is no file of that name`, {
        hint: 'name a server as PORT@HOST, with a port from 1 to 65535; a triad as three of them with commas',
      });
    }
    throw refuse(unreadable(error), { hint: `ls -l ${shellWord(path)}` });
  }
  const text = licenseText(bytes);
  const license = { text, bytes, ...parseLicense(text, path, product.entitlements) };
  const of = license.format === 'json' ? (JSON.parse(text) as { product?: unknown }).product : undefined;
  if (of !== undefined && of !== product.name) {
    throw refuse('is for another product', {
      hint: 'Name the licence file of this product: --license FILE',
    });
  }
  return license;
}

/** Why a licence could not be read, in words; text of the system only where there are none of ours. */
function unreadable(error: unknown): string {
  const why = unreadWords[(error as NodeJS.ErrnoException).code ?? ''];
  return `cannot be read: ${why ?? causeChain(error).join(': ')}`;
}

const unreadWords: Record<string, string | undefined> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file: a part of its path is no folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'no such file: its name is too long',
};

/** The same, naming of the product's entitlements only those that are valid here at that time. */
export function inForce<T extends Grants>(license: T, { entitlements }: Licensed, now: Date): T {
  const judging = { names: entitlements, now, host: hostIdentity() };
  return { ...license, entitlements: grantedNow(license, judging) };
}

/** The same for an install, which needs one that is valid at that time and that a Secret can hold. */
export async function readLicense(path: string, product: Licensed, now: Date): Promise<License> {
  const license = await openLicense(path, product);
  const judging = { names: product.entitlements, now, host: hostIdentity() };
  const expired = expiredOn(license, judging);
  if (expired !== undefined) {
    throw new IvaapError('usage', `the licence in ${path} expired on ${expired}`, {
      hint: 'Ask the vendor for a new licence, then run the same command again.',
    });
  }
  if (license.bytes.byteLength > secretBytes) {
    const size = formatBytes(license.bytes.byteLength);
    const most = formatBytes(secretBytes);
    throw new IvaapError('usage', `the licence file ${path} has ${size}; a Secret holds at most ${most}`, {
      hint: 'Ask the vendor for a licence of this product alone.',
    });
  }
  return inForce(license, product, now);
}
