import type { z } from 'zod';
import { IvaapError } from '../errors.ts';
import { strictJson } from './format/strict-json.ts';
import { notOfScheme, oneText, parseVersion, sameRecordedVersion, schemeOf } from '../version.ts';
import type { PayloadIdentity } from './identity.ts';
import { contradictory } from './payload-errors.ts';
import type { Product, Release } from './product-schema.ts';
import { productSchema, releaseSchema } from './product-schema.ts';

/** Where the documents lie. */
interface EntryReader {
  displayName: string;
  identity: PayloadIdentity;
  readEntry: (name: string) => Promise<Buffer>;
}

/** What is true of the product whatever its release. Throws IvaapError `payload`. */
export async function readProduct(payload: EntryReader): Promise<Product> {
  const product = await parsed(payload, 'product.json', productSchema);
  // Who follows the product's name, such as a key that hands over, must not follow another one's data.
  for (const key of ['title', 'command'] as const)
    assertNamed(payload, `product.json's ${key}`, product[key], key);
  assertNamed(payload, "product.json's name", product.name, 'product');
  return product;
}

/**
 * What is true of this release. Its versions have one text each, by the product's scheme, which is what is
 * recorded and shown from here on. Throws IvaapError `payload`.
 */
export async function readRelease(
  payload: EntryReader & { product: () => Promise<Product> },
): Promise<Release> {
  const [release, product] = await Promise.all([
    parsed(payload, 'release.json', releaseSchema),
    payload.product(),
  ]);
  const scheme = schemeOf(product);
  const { version } = release;
  if (parseVersion(version, scheme) === undefined)
    throw contradictory(payload.displayName, `release.json's version is ${notOfScheme(version, scheme)}`);
  assertNamed(payload, "release.json's version", version, 'version');
  return {
    ...release,
    version: oneText(version, scheme),
    notes: release.notes.map((one) => ({ ...one, version: oneText(one.version, scheme) })),
  };
}

function assertNamed(
  { displayName, identity }: EntryReader,
  what: string,
  value: string,
  key: keyof PayloadIdentity,
): void {
  const isNamed = key === 'version' ? sameRecordedVersion(value, identity[key]) : value === identity[key];
  if (isNamed) return;
  throw contradictory(displayName, `${what} is ${value}, and its index.json says ${identity[key]}`);
}

async function parsed<T>(payload: EntryReader, name: string, schema: z.ZodType<T>): Promise<T> {
  try {
    return schema.parse(strictJson(await payload.readEntry(name), 1));
  } catch (cause) {
    if (cause instanceof IvaapError) throw cause;
    throw contradictory(payload.displayName, `${name} is not what this program reads`, cause);
  }
}
