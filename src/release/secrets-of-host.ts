import { isUtf8 } from 'node:buffer';
import type { Redactor } from '../engine/redact.ts';
import { readKeptSecrets } from '../backup/kept-secrets.ts';
import { IvaapError } from '../errors.ts';
import type { Kubectl, Secret } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { licenseText, parseLicense } from '../policy/entitlements.ts';
import { portAtHost } from '../policy/flexnet-values.ts';
import { type PlainJson, valueAt } from '../policy/values-patches.ts';
import { type License, secretBytes } from './license-file.ts';
import { newLicenseFix } from './license-servers.ts';
import type { ValuesFile } from './values-file.ts';

/** Every text and number inside a document that is secret altogether. */
function hideTexts(
  redactor: Pick<Redactor, 'add'>,
  document: PlainJson | undefined,
  except: ReadonlySet<string> = new Set(),
): void {
  if (typeof document === 'string' || typeof document === 'number') {
    if (!except.has(String(document))) redactor.add(String(document));
  } else if (typeof document === 'object' && document !== null) {
    for (const part of Object.values(document)) hideTexts(redactor, part, except);
  }
}

/** The values that product data calls secret are hidden from here on. */
export function hideValues(product: Product, values: Pick<ValuesFile, 'root'>, redactor: Redactor): void {
  for (const path of product.values.secrets) hideTexts(redactor, valueAt(values.root, path));
}

/** Of a longer licence the signatures are hidden, and not each line as well. */
const mostLinesBytes = 64 * 1024;

/**
 * A licence is secret except for its entitlements, which decide what is installed, and for where its server
 * is: they are shown.
 */
export function hideLicense(
  product: Pick<Product, 'name'>,
  license: License,
  redactor: Pick<Redactor, 'add'>,
): void {
  if (license.flexnet !== undefined) {
    // The redactor's time grows with what it looks for.
    if (license.bytes.byteLength > secretBytes) return;
    for (const secret of license.flexnet.secrets) redactor.add(secret);
    if (license.bytes.byteLength > mostLinesBytes) return;
    const lines = license.text.split(/[\r\n]+/).map((line) => line.trim());
    for (const line of lines) if (portAtHost(line) === undefined) redactor.add(line);
    return;
  }
  redactor.add(license.text);
  const shown = new Set([...license.entitlements, product.name, license.expires ?? '']);
  hideTexts(redactor, JSON.parse(license.text) as PlainJson, shown);
}

/** The installed licence, from the product's Secret; undefined where there is none. */
export async function installedLicense(
  kubectl: Kubectl,
  product: Product,
  redactor: Redactor,
): Promise<License | undefined> {
  if (product.license === undefined) return undefined;
  const { secret, key } = product.license;
  const found = await kubectl.get<Secret>('secret', secret, { namespace: product.namespace });
  return licenseOf(found?.data?.[key], `in the Secret ${secret}`, product, redactor);
}

/** The licence among the Secrets that a rollback kept in a file; undefined where there is none. */
export async function keptLicense(
  path: string | undefined,
  product: Product,
  redactor: Redactor,
): Promise<License | undefined> {
  if (product.license === undefined) return undefined;
  const { secret, key } = product.license;
  return licenseOf((await readKeptSecrets(path))[secret]?.[key], `in ${path}`, product, redactor);
}

/** `encoded` as a Secret has it; `where` it is, for messages. */
function licenseOf(
  encoded: string | undefined,
  where: string,
  product: Product,
  redactor: Redactor,
): License | undefined {
  if (encoded === undefined) return undefined;
  const bytes = Buffer.from(encoded, 'base64');
  const text = licenseText(bytes);
  try {
    const license = { text, bytes, ...parseLicense(text, where, product.entitlements) };
    hideLicense(product, license, redactor);
    return license;
  } catch (error) {
    redactor.add(text);
    const { secret = '', key = '' } = product.license ?? {};
    throw new IvaapError('preflight', `the Secret ${secret} holds no licence at ${key}`, {
      cause: error,
      hint: newLicenseFix(product),
    });
  }
}

/** How a secret may be seen: what is no text only as the API server has it, in base64. */
export const hiddenText = (secret: Buffer): string => secret.toString(isUtf8(secret) ? 'utf8' : 'base64');

/** The passwords that an install generated: they may appear in the output of pods and programs. */
export async function hideGenerated(kubectl: Kubectl, product: Product, redactor: Redactor): Promise<void> {
  for (const { name } of product.generatedSecrets) {
    const found = await kubectl.get<Secret>('secret', name, { namespace: product.namespace });
    for (const encoded of Object.values(found?.data ?? {})) {
      redactor.add(hiddenText(Buffer.from(encoded, 'base64')));
    }
  }
}
