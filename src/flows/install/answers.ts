import { existsSync } from 'node:fs';
import { readRegularText } from '../../host/regular-file.ts';
import type { Redactor } from '../../engine/redact.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import type { Kubectl } from '../../host/kubectl.ts';
import type { Product } from '../../payload/product-schema.ts';
import { lastResult } from '../../backup/step-results.ts';
import { assertHostName, assertStoragePath } from '../../policy/answer-form.ts';
import { valueAt } from '../../policy/values-patches.ts';
import type { InstallContext } from '../../release/context.ts';
import { type License, readLicense } from '../../release/license-file.ts';
import { parseValues } from '../../release/values-file.ts';
import { hideLicense, hideValues, installedLicense } from '../../release/secrets-of-host.ts';
import { preflight } from '../../steps/preflight.ts';
import { shellWord } from '../../shell-word.ts';

/** Answers of the command line, as they were typed. */
export interface InstallFlags {
  fqdn: string | undefined;
  license: string | undefined;
  storagePath: string | undefined;
  values: string | undefined;
}

export type InstallAnswers = Pick<InstallContext, 'fqdn' | 'storagePath' | 'valuesFrom' | 'license'>;

/**
 * The answers of a new install: from the flags, else from the operator's values file, else from the attempt
 * that is resumed. Throws `usage` for missing or invalid answers.
 */
export async function installAnswers(
  product: Product,
  valuesPath: string,
  flags: InstallFlags,
  state: State | undefined,
  redactor: Redactor,
): Promise<InstallAnswers> {
  // A resumed install has written the file already, and the operator may have edited it since.
  const written = state?.run !== undefined && existsSync(valuesPath) ? valuesPath : undefined;
  const valuesFrom = await operatorValues(product, flags.values ?? written, redactor);
  const earlier = lastResult(state?.run, preflight)?.answers;
  const inFile = (path: readonly string[] | undefined): string | undefined => {
    if (valuesFrom === undefined || path === undefined) return undefined;
    const value = valueAt(parseValues(valuesFrom.path, valuesFrom.text).root, path);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const { keys } = product.values;
  const fqdn = flags.fqdn ?? inFile(keys.fqdn) ?? earlier?.fqdn;
  if (fqdn === undefined) {
    throw new IvaapError('usage', 'the host name of this host is missing', {
      hint: 'add it: --fqdn NAME',
    });
  }
  assertHostName(fqdn);
  const storagePath =
    flags.storagePath ??
    inFile(keys.storagePath) ??
    earlier?.storagePath ??
    product.database.volume.defaultPath;
  assertStoragePath(storagePath);
  const license =
    flags.license === undefined ? undefined : await readLicense(flags.license, product.name, new Date());
  if (license !== undefined) hideLicense(product, license, redactor);
  return { fqdn, storagePath, valuesFrom, license };
}

async function operatorValues(product: Product, path: string | undefined, redactor: Redactor) {
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = await readRegularText(path);
  } catch (error) {
    throw new IvaapError('usage', `the values file ${path} cannot be read`, {
      cause: error,
      hint: `ls -l ${shellWord(path)}`,
    });
  }
  hideValues(product, parseValues(path, text), redactor);
  return { path, text };
}

/**
 * The licence of the command line, or the one that an earlier attempt put into the cluster. Throws `usage`
 * when one is needed.
 */
export async function requireLicense(
  kubectl: Kubectl,
  product: Product,
  given: License | undefined,
  redactor: Redactor,
): Promise<License | undefined> {
  if (product.license === undefined || given !== undefined) return given;
  const found = await installedLicense(kubectl, product, redactor);
  if (found !== undefined) return found;
  throw new IvaapError('usage', 'an install needs a licence', { hint: 'add it: --license FILE' });
}
