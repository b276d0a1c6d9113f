import { isMap, parseDocument } from 'yaml';
import { patchedValues, valueAt } from '../policy/values-patches.ts';
import { readAsHelm } from './values-yaml.ts';
import type { Product } from '../payload/product-schema.ts';
import type { InstallContext } from './context.ts';
import { parseValues, type ValuesFile } from './values-file.ts';
import { IvaapError } from '../errors.ts';

/** What a fresh install writes into the values file. */
interface ValuesAnswers {
  fqdn: string;
  /** Empty on a volume of a StorageClass. */
  storagePath: string;
  storageClass?: string | undefined;
  entitlements: readonly string[];
  /** The connectors were chosen just now: the choice is above what an operator's file says. */
  chosen?: boolean;
}

/**
 * The first values file of a host: the payload's template, or the operator's own file, with the answers and
 * the licence's connectors filled in. Comments stay. Values that are set in an operator's file stay.
 */
export function renderValues(
  product: Product,
  template: string,
  answers: ValuesAnswers,
  fromOperator: boolean,
): string {
  const filled = fromOperator
    ? template
    : template.replaceAll(/\{\{(fqdn|storagePath)\}\}/g, (_, key: 'fqdn' | 'storagePath') => answers[key]);
  const document = parseDocument(filled);
  const read = readAsHelm(filled);
  if (document.errors.length > 0 || !isMap(document.contents)) {
    throw new IvaapError('payload', 'the values template of this payload is not a YAML mapping', {
      cause: document.errors[0],
    });
  }
  const { keys, autoMigrate } = product.values;
  let changed = false;
  const put = (path: readonly string[], value: string | boolean, always: boolean) => {
    // Includes what is merged from elsewhere in the file.
    const has = 'root' in read ? valueAt(read.root, path) : undefined;
    if (has !== undefined && (!always || has === value)) return;
    document.setIn(path, value);
    changed = true;
  };
  put(keys.fqdn, answers.fqdn, true);
  if (keys.storagePath !== undefined) put(keys.storagePath, answers.storagePath, true);
  const classPath = product.database.volume.storageClass?.valuesPath;
  if (classPath !== undefined && answers.storageClass !== undefined)
    put(classPath, answers.storageClass, true);
  if (autoMigrate !== undefined) put(autoMigrate.path, autoMigrate.on, !fromOperator);
  for (const [entitlement, { enabledPath }] of Object.entries(product.entitlements)) {
    if (enabledPath !== undefined) {
      put(enabledPath, answers.entitlements.includes(entitlement), !fromOperator || answers.chosen === true);
    }
  }
  // A file that already has all of it stays as it is, byte for byte.
  return changed ? document.toString({ lineWidth: 0 }) : filled;
}

/** The values file that an install writes. */
export async function firstValuesText(ctx: InstallContext): Promise<string> {
  const { product, payload, fqdn, storagePath, valuesFrom, entitlements, connectors, storageClass } = ctx;
  const template = valuesFrom?.text ?? (await payload.readEntry(product.values.template)).toString();
  const answers = {
    fqdn,
    storagePath: storageClass === undefined ? storagePath : '',
    storageClass,
    entitlements,
    chosen: connectors?.from === 'answer',
  };
  return renderValues(product, template, answers, valuesFrom !== undefined);
}

/** The values that Helm will have of it, with the overlay that its release's patches make. */
export async function firstValues(ctx: InstallContext): Promise<Pick<ValuesFile, 'path' | 'root'>> {
  const { path, root } = parseValues(ctx.paths.values, await firstValuesText(ctx));
  return { path, root: patchedValues(root, ctx.release.valuesPatches) };
}
