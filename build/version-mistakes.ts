import type { Product } from '../src/payload/product-schema.ts';
import { notOfScheme, parseVersion, sameVersion, schemeOf, versionSchemes } from '../src/version.ts';
import type { ReleaseSpec } from './release-spec.ts';
import type { SpecFile } from './spec-file.ts';

/** Why a text is no version of this product; undefined where it is one. */
export function noVersion(text: string, product: SpecFile<Product>): string | undefined {
  const scheme = schemeOf(product.value);
  if (parseVersion(text, scheme) !== undefined) return undefined;
  const other = versionSchemes.find((one) => parseVersion(text, one) !== undefined);
  const ofOther = other === undefined ? '' : `, or versions.scheme: ${other} at ${product.at(['versions'])}`;
  return `${notOfScheme(text, scheme)}${ofOther}`;
}

/** Versions that do not parse, and a schema that is no range. */
export function versionMistakes({ value, at }: SpecFile<ReleaseSpec>, product: SpecFile<Product>): string[] {
  const { version, schema } = value.release;
  const { minimumSource, requiredReleases = [] } = product.value.versions;
  const named = [
    { where: at(['release', 'version']), what: 'release.version', text: version },
    {
      where: product.at(['versions', 'minimumSource']),
      what: 'versions.minimumSource',
      text: minimumSource,
    },
    ...requiredReleases.map((text, position) => ({
      where: product.at(['versions', 'requiredReleases', position]),
      what: 'a required release',
      text,
    })),
  ];
  return [
    ...named.flatMap(({ where, what, text }) => {
      const why = noVersion(text, product);
      return why === undefined ? [] : [`${where}: ${what} is ${why}`];
    }),
    ...requiredReleases.flatMap((text, position) => {
      const isTwice = requiredReleases.slice(0, position).some((one) => sameVersion(one, text));
      const where = product.at(['versions', 'requiredReleases', position]);
      return isTwice ? [`${where}: the required release ${text} comes twice`] : [];
    }),
    ...(schema.min <= schema.target
      ? []
      : [`${at(['release', 'schema'])}: schema.min ${schema.min} is above schema.target ${schema.target}`]),
  ];
}
