import { existsSync } from 'node:fs';
import { readRegularText } from '../../host/regular-file.ts';
import type { Redactor } from '../../engine/redact.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import type { Kubectl } from '../../host/kubectl.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { Again } from '../../policy/again.ts';
import { assertHostName, assertStoragePath } from '../../policy/answer-form.ts';
import { type ChosenConnectors, connectorsFault, connectorsOf } from '../../policy/connectors.ts';
import { type AnswerKey, answerKeys } from '../../policy/install-answers.ts';
import { type PlainObject, valueAt } from '../../policy/values-patches.ts';
import type { InstallContext } from '../../release/context.ts';
import { inForce, type License, readLicense } from '../../release/license-file.ts';
import { parseValues } from '../../release/values-file.ts';
import { hideLicense, hideValues, installedLicense, keptLicense } from '../../release/secrets-of-host.ts';
import { shellWord } from '../../shell-word.ts';
import type { GivenAnswers, NameOf } from './given-answers.ts';
import { type RecordedAnswers, recordedAnswers } from './recorded-answers.ts';

export type InstallAnswers = Pick<
  InstallContext,
  'fqdn' | 'storagePath' | 'storageClass' | 'connectors' | 'valuesFrom' | 'license'
>;

/** What is known before anybody is asked. */
export interface FoundAnswers extends Omit<InstallAnswers, 'fqdn' | 'storagePath'> {
  fqdn: string | undefined;
  storagePath: string | undefined;
}

interface Sources {
  product: Product;
  /** Where the product's values file is. */
  valuesPath: string;
  given: GivenAnswers;
  nameOf: NameOf;
  state: State | undefined;
  redactor: Redactor;
}

/**
 * The answers that there are: from the flags and the answers file, else from the operator's values file, else
 * from the attempt that is resumed. Throws `usage` for one that cannot be used.
 */
export async function foundAnswers(sources: Sources): Promise<FoundAnswers> {
  const { product, valuesPath, given, nameOf, state, redactor } = sources;
  const earlier = recordedAnswers(state?.run);
  // A resumed install has written the file already, and the operator may have edited it since.
  const written = state?.run !== undefined && existsSync(valuesPath) ? valuesPath : undefined;
  const valuesFrom = await operatorValues(product, given.values ?? written ?? earlier.values, redactor);
  const root = valuesFrom === undefined ? {} : parseValues(valuesFrom.path, valuesFrom.text).root;
  const inFile = (path: readonly string[] | undefined): string | undefined => {
    const value = path === undefined ? undefined : valueAt(root, path);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const { keys } = product.values;
  const fqdn = given.fqdn ?? inFile(keys.fqdn) ?? earlier.fqdn;
  if (fqdn !== undefined) assertHostName(fqdn, nameOf('fqdn', fqdn));
  const license =
    given.license === undefined ? undefined : await readLicense(given.license, product, new Date());
  if (license !== undefined) hideLicense(product, license, redactor);
  const connectors = chosenConnectors(sources, root, earlier.connectors);
  return { fqdn, ...storageOf(sources, inFile, earlier), connectors, valuesFrom, license };
}

function storageOf(
  { product, given }: Sources,
  inFile: (path: readonly string[] | undefined) => string | undefined,
  earlier: RecordedAnswers,
): Pick<FoundAnswers, 'storagePath' | 'storageClass'> {
  const inValues = inFile(product.values.keys.storagePath);
  const places = [given, { storagePath: inValues, storageClass: undefined }, earlier];
  const [place] = places.filter(
    ({ storagePath, storageClass }) => storagePath !== undefined || storageClass !== undefined,
  );
  const { storagePath, storageClass } = place ?? {};
  if (storagePath !== undefined)
    assertStoragePath(storagePath, `--storage-path ${product.database.volume.defaultPath}`);
  return { storagePath, storageClass };
}

/** Undefined where nothing says it: all that the licence grants. */
function chosenConnectors(
  { product: { entitlements }, given, nameOf }: Sources,
  root: PlainObject,
  earlier: string | undefined,
): ChosenConnectors | undefined {
  if (given.connectors !== undefined) {
    const names = connectorsOf(given.connectors);
    const fault = connectorsFault(names, entitlements, undefined);
    if (fault === undefined) return { names, from: 'answer' };
    throw new IvaapError('usage', `${nameOf('connectors', given.connectors)}: ${fault.what}`, {
      hint: `--connectors ${fault.fix}`,
    });
  }
  const switches = Object.values(entitlements).map(({ connector, enabledPath }) => ({
    connector,
    on: enabledPath === undefined ? undefined : valueAt(root, enabledPath),
  }));
  if (switches.some(({ on }) => on !== undefined)) {
    const names = switches.filter(({ on }) => on !== false).map(({ connector }) => connector);
    return { names: [...new Set(names)].sort(), from: 'values' };
  }
  return earlier === undefined ? undefined : { names: connectorsOf(earlier), from: 'earlier' };
}

/** Throws `usage` for connectors that the licence does not grant. */
export function assertGranted(
  { entitlements }: Product,
  { connectors }: Pick<InstallAnswers, 'connectors'>,
  license: License | undefined,
): void {
  if (connectors?.from !== 'answer' || license === undefined) return;
  const fault = connectorsFault(connectors.names, entitlements, license.entitlements);
  if (fault !== undefined) throw new IvaapError('usage', fault.what, { hint: `--connectors ${fault.fix}` });
}

/** Throws `usage` for a StorageClass where the product's data does not say that it takes one. */
export function assertTakesClass(
  { title, database }: Product,
  { storageClass, storagePath }: Pick<InstallAnswers, 'storageClass' | 'storagePath'>,
): void {
  if (storageClass === undefined || database.volume.storageClass !== undefined) return;
  throw new IvaapError(
    'usage',
    `the database of ${title} lies in a folder of this host, on no StorageClass`,
    {
      hint: `--storage-path ${shellWord(storagePath)}`,
    },
  );
}

/** What nothing says, in the order in which a person is asked; a licence may be in the cluster already. */
export function missingAnswers(
  { product, state }: Pick<Sources, 'product' | 'state'>,
  { fqdn, license }: Pick<FoundAnswers, 'fqdn' | 'license'>,
): AnswerKey[] {
  const needsLicense = product.license !== undefined && license === undefined && state?.run === undefined;
  return [...(needsLicense ? ['license' as const] : []), ...(fqdn === undefined ? ['fqdn' as const] : [])];
}

/** With the defaults of the product. Throws `usage` that names all that is missing, at once. */
export function completeAnswers(
  sources: Pick<Sources, 'product' | 'state'>,
  found: FoundAnswers,
  { again, unconfirmed }: { again: Again; unconfirmed: boolean },
): InstallAnswers {
  const missing = missingAnswers(sources, found);
  const { fqdn } = found;
  if (fqdn === undefined || missing.length > 0 || unconfirmed)
    throw missingError(missing, again, unconfirmed);
  const { defaultPath } = sources.product.database.volume;
  return { ...found, fqdn, storagePath: found.storagePath ?? defaultPath };
}

/** All that is missing, each with its flag and its key; the confirmation has no key. */
export function missingError(keys: readonly AnswerKey[], again: Again, unconfirmed = false): IvaapError {
  const needed = keys.map((key) => {
    const { flag, value, what } = answerKeys[key];
    const typed = `${flag} ${value}`;
    return { typed, line: `${what}: ${typed}, or ${key}: ${value} in the file of --answers` };
  });
  if (unconfirmed) {
    needed.push({ typed: '--yes', line: 'the confirmation, since there is no terminal: --yes' });
  }
  const lines = needed.map(({ line }) => line);
  return new IvaapError('usage', `an install needs ${lines.join('; ')}`, {
    hint: again({ add: needed.map(({ typed }) => typed) }),
  });
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
 * The licence of the command line, or the one that an earlier attempt put into the cluster, also where a
 * rollback has taken it out again, or the file that it was `answered`. Throws `usage` when one is needed.
 */
export async function requireLicense(
  kubectl: Kubectl,
  product: Product,
  given: License | undefined,
  redactor: Redactor,
  { answered, keptSecrets }: { answered: string | undefined; keptSecrets: string | undefined },
): Promise<License | undefined> {
  if (product.license === undefined || given !== undefined) return given;
  const found =
    (await installedLicense(kubectl, product, redactor)) ??
    (await keptLicense(keptSecrets, product, redactor));
  if (found !== undefined) return inForce(found, product, new Date());
  if (answered !== undefined) {
    const license = await readLicense(answered, product, new Date());
    hideLicense(product, license, redactor);
    return license;
  }
  throw new IvaapError('usage', 'an install needs a licence', { hint: 'add it: --license FILE' });
}
