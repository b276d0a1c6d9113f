import type { Product } from '../src/payload/product-schema.ts';
import { type BreakingKey, concerns, keyText } from '../src/policy/release-notes.ts';
import { computeOverlay, type Patch, type PlainObject } from '../src/policy/values-patches.ts';
import { orderOf, sameVersion } from '../src/version.ts';
import type { ReleaseSpec } from './release-spec.ts';
import type { ReleaseFiles, SpecFile } from './spec-file.ts';
import { templateValues } from './template-values.ts';
import { noVersion } from './version-mistakes.ts';

/** What is wrong with the release notes of a spec: `FILE:LINE: what`, each. */
export function noteMistakes({ spec, product, resolvePath }: ReleaseFiles): string[] {
  const template = templateValues({ spec, product, resolvePath });
  return [
    ...versionMistakes(spec, product),
    ...keyMistakes(spec, template),
    ...spec.value.release.notes.flatMap(({ migration }, position) => {
      const where = spec.at(['release', 'notes', position, 'migration']);
      if (migration?.kind === 'staged' && product.value.values.autoMigrate === undefined)
        return [`${where}: staged: the product's values.autoMigrate is missing, so no run can leave it out`];
      return migration?.kind === 'one-way' && migration.blocks
        ? [`${where}: only a staged migration can block: a one-way one is not known to be wanted otherwise`]
        : [];
    }),
  ];
}

function versionMistakes({ value, at }: SpecFile<ReleaseSpec>, product: SpecFile<Product>): string[] {
  const { notes, version: own } = value.release;
  return notes.flatMap(({ version }, position) => {
    const where = at(['release', 'notes', position, 'version']);
    const why = noVersion(version, product);
    if (why !== undefined) return [`${where}: the version of these notes is ${why}`];
    if (notes.findIndex((one) => sameVersion(one.version, version)) < position)
      return [`${where}: the notes of ${version} come twice`];
    return (orderOf(version, own) ?? 0) > 0
      ? [`${where}: notes of ${version}, which is newer than the release ${value.release.version}`]
      : [];
  });
}

function keyMistakes({ value, at }: SpecFile<ReleaseSpec>, template: PlainObject | undefined): string[] {
  return value.release.notes.flatMap(({ breaking }, note) => {
    const seen = new Set<string>();
    return breaking.flatMap((one, position) => {
      const where = at(['release', 'notes', note, 'breaking', position]);
      const key = keyText(one.path);
      const condition = `${key} ${JSON.stringify([one.equals, one.absent])}`;
      const isTwice = seen.has(condition);
      seen.add(condition);
      return [
        ...(isTwice ? [`${where}: ${key} comes twice in the notes of one release`] : []),
        ...(one.equals !== undefined && one.absent === true
          ? [`${where}: ${key}: equals and absent exclude each other`]
          : []),
        ...(one.absent === true && one.replacedBy !== undefined
          ? [`${where}: ${key}: a key that must be set has none that replaces it`]
          : []),
        ...(one.replacedBy !== undefined && keyText(one.replacedBy) === key
          ? [`${where}: ${key} is replaced by itself`]
          : []),
        ...(template !== undefined && isInTemplate(one, template, value.release.valuesPatches)
          ? [
              `${where}: the values template ${one.absent === true ? 'has no' : 'still has'} ${key}: ` +
                'a fresh install would write a file that these notes speak against',
            ]
          : []),
      ];
    });
  });
}

/** A key that must be set may come from a patch of the release as well. */
const isInTemplate = (key: BreakingKey, template: PlainObject, patches: readonly Patch[]): boolean =>
  concerns(key, template) && (key.absent !== true || concerns(key, computeOverlay(template, patches).values));
