import { isIP } from 'node:net';
import { existsSync } from 'node:fs';
import { isAbsolute, normalize } from 'node:path';
import { readRegularText } from '../../host/regular-file.ts';
import type { Redactor } from '../../engine/redact.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import type { Kubectl } from '../../host/kubectl.ts';
import type { Product } from '../../payload/product-schema.ts';
import { valueAt } from '../../policy/values-patches.ts';
import type { InstallContext } from '../../release/context.ts';
import { inForce, type License, readLicense } from '../../release/license-file.ts';
import { parseValues } from '../../release/values-file.ts';
import { hideLicense, hideValues, installedLicense } from '../../release/secrets-of-host.ts';
import { shellWord } from '../../shell-word.ts';
import { recordedAnswers } from './recorded-answers.ts';

/** Answers of the command line, as they were typed. */
export interface InstallFlags {
  fqdn: string | undefined;
  license: string | undefined;
  storagePath: string | undefined;
  values: string | undefined;
}

export type InstallAnswers = Pick<InstallContext, 'fqdn' | 'storagePath' | 'valuesFrom' | 'license'>;

const hostName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

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
  const earlier = recordedAnswers(state?.run);
  // A resumed install has written the file already, and the operator may have edited it since.
  const written = state?.run !== undefined && existsSync(valuesPath) ? valuesPath : undefined;
  const valuesFrom = await operatorValues(product, flags.values ?? written ?? earlier.values, redactor);
  const inFile = (path: readonly string[] | undefined): string | undefined => {
    if (valuesFrom === undefined || path === undefined) return undefined;
    const value = valueAt(parseValues(valuesFrom.path, valuesFrom.text).root, path);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const { keys } = product.values;
  const fqdn = flags.fqdn ?? inFile(keys.fqdn) ?? earlier.fqdn;
  if (fqdn === undefined) {
    throw new IvaapError('usage', 'the host name of this host is missing', {
      hint: 'add it: --fqdn NAME',
    });
  }
  // The API server refuses these as the host of an ingress rule.
  if (isIP(fqdn) !== 0 || /(^|\.)\d+$/.test(fqdn)) {
    throw new IvaapError('usage', `--fqdn ${fqdn} is an IP address; the ingress needs a host name`, {
      hint: 'a name that resolves to this host, in DNS or in /etc/hosts, e.g. --fqdn wells.example.com',
    });
  }
  if (!hostName.test(fqdn) || fqdn.split('.').some((label) => label.length > 63)) {
    throw new IvaapError('usage', `--fqdn ${fqdn} is not a valid host name`, {
      hint: 'lower-case letters, digits, - and dots, e.g. --fqdn wells.example.com',
    });
  }
  const storagePath =
    flags.storagePath ??
    inFile(keys.storagePath) ??
    earlier.storagePath ??
    product.database.volume.defaultPath;
  if (!isAbsolute(storagePath) || normalize(storagePath) !== storagePath || storagePath === '/') {
    throw new IvaapError(
      'usage',
      `--storage-path ${storagePath} is not an absolute, normalized path of a folder`,
      {
        hint: `--storage-path ${product.database.volume.defaultPath}`,
      },
    );
  }
  const license =
    flags.license === undefined ? undefined : await readLicense(flags.license, product, new Date());
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
 * The licence of the command line, or the one that an earlier attempt put into the cluster, or the file that
 * it was `answered`. Throws `usage` when one is needed.
 */
export async function requireLicense(
  kubectl: Kubectl,
  product: Product,
  given: License | undefined,
  redactor: Redactor,
  answered: string | undefined,
): Promise<License | undefined> {
  if (product.license === undefined || given !== undefined) return given;
  const found = await installedLicense(kubectl, product, redactor);
  if (found !== undefined) return inForce(found, product, new Date());
  if (answered !== undefined) {
    const license = await readLicense(answered, product, new Date());
    hideLicense(product, license, redactor);
    return license;
  }
  throw new IvaapError('usage', 'an install needs a licence', { hint: 'add it: --license FILE' });
}
