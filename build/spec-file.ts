import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Document } from 'yaml';
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Product } from '../src/payload/product-schema.ts';
import { productSchema } from '../src/payload/product-schema.ts';
import { strictJson } from '../src/payload/format/strict-json.ts';
import { oneText, schemeOf, type VersionScheme } from '../src/version.ts';
import { normalizedReference, parseReference, runtimeName } from '../src/images/reference.ts';
import { referenceShape } from '../src/payload/format/index-schema.ts';
import { healthMistakes } from './health-mistakes.ts';
import { noteMistakes } from './note-mistakes.ts';
import { productMistakes } from './product-mistakes.ts';
import { versionMistakes } from './version-mistakes.ts';
import type { ReleaseSpec } from './release-spec.ts';
import { releaseSpecSchema } from './release-spec.ts';

/** A vendor's mistake in a spec: `FILE:LINE: what is wrong`, one a line. */
export class SpecError extends Error {
  override readonly name = 'SpecError';
}

/** A YAML file read by a schema, which can say where each value stands. */
export interface SpecFile<T> {
  path: string;
  value: T;
  /** `FILE:LINE` of the value at `path`, or of the nearest thing around it. */
  at(path: readonly (string | number)[]): string;
  /** The scalar at `path` as it is written there, without its quotes; undefined where none is. */
  written(path: readonly (string | number)[]): string | undefined;
}

/** Reads and checks a YAML file. Throws {@link SpecError} with file and line of every mistake. */
export function readSpecFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): SpecFile<z.output<Schema>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SpecError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0)
    throw new SpecError(
      document.errors
        .map(({ pos, message }) => `${path}:${lines.linePos(pos[0]).line}: ${message.split('\n')[0]}`)
        .join('\n'),
    );
  const at = (keys: readonly (string | number)[]) => `${path}:${lineOf(document, lines, keys)}`;
  const parsed = schema.safeParse(valueOf(document, path));
  if (!parsed.success)
    throw new SpecError(
      parsed.error.issues
        .map(({ path: keys, message }) => {
          const known = keys.filter((key) => typeof key !== 'symbol');
          return `${at(known)}: ${known.join('.') || 'the file'}: ${message}`;
        })
        .join('\n'),
    );
  const written = (keys: readonly (string | number)[]) => {
    const node = document.getIn(keys, true);
    return isScalar(node) ? node.source : undefined;
  };
  return { path, value: parsed.data, at, written };
}

/** As many aliases as a bomb has are refused in the library's own way. */
function valueOf(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    throw new SpecError(`${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}

function lineOf(document: Document, lines: LineCounter, keys: readonly (string | number)[]): number {
  for (let length = keys.length; length > 0; length -= 1) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(keys.slice(0, length - 1), true);
    // What starts on the line of its key is named by the key: a list or map starts a line below.
    const node = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === keys[length - 1])?.key
      : document.getIn(keys.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}

/** The two files that describe a release; `resolvePath` resolves a path beside the spec. */
export interface ReleaseFiles {
  spec: SpecFile<ReleaseSpec>;
  product: SpecFile<Product>;
  resolvePath(this: void, relative: string): string;
}

/** A release spec and its product's, read and checked against each other. */
export function readReleaseSpec(path: string): ReleaseFiles {
  const spec = readSpecFile(path, releaseSpecSchema);
  const resolvePath = (relative: string) => resolve(dirname(path), relative);
  const product = readSpecFile(resolvePath(spec.value.product), productSchema);
  const scheme = schemeOf(product.value);
  const mistakes = [
    ...textMistakes(spec),
    ...textMistakes(product),
    ...versionMistakes(spec, product),
    ...archiveMistakes(spec, product.value),
    ...fileMistakes(spec, product.value),
    ...productMistakes(product, spec.value),
    ...noteMistakes({ spec, product, resolvePath }),
    ...healthMistakes({ spec, product, resolvePath }),
  ];
  if (mistakes.length > 0) throw new SpecError(mistakes.join('\n'));
  return { spec: { ...spec, value: inOneSpelling(spec.value, scheme) }, product, resolvePath };
}

/**
 * Names of images as the runtime has them and the one text of each version, in one place for all that
 * follows.
 */
const inOneSpelling = (spec: ReleaseSpec, scheme: VersionScheme): ReleaseSpec => ({
  ...spec,
  release: {
    ...spec.release,
    version: oneText(spec.release.version, scheme),
    notes: spec.release.notes.map((one) => ({ ...one, version: oneText(one.version, scheme) })),
  },
  images: spec.images.map((image) => ({ ...image, reference: normalizedReference(image.reference) })),
  archives: Object.fromEntries(
    Object.entries(spec.archives).map(([name, inside]) => [name, inside.map(normalizedReference)]),
  ),
});

/** Why neither containerd nor this format takes a name; undefined when both do. */
function noReference(text: string): string | undefined {
  try {
    const name = runtimeName(parseReference(text));
    return referenceShape.test(name) ? undefined : 'a payload has no room for such a name';
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Texts that a payload cannot hold, by its reader's rules: control characters, and those that nobody sees.
 */
function textMistakes({ value, at }: SpecFile<unknown>): string[] {
  const inside = (found: unknown, path: readonly (string | number)[]): string[] => {
    if (typeof found === 'string') return refusal(found, path);
    if (typeof found !== 'object' || found === null) return [];
    return Object.entries(found).flatMap(([key, one]) => {
      const at = [...path, Array.isArray(found) ? Number(key) : key];
      return [...refusal(key, at), ...inside(one, at)];
    });
  };
  const refusal = (text: string, path: readonly (string | number)[]): string[] => {
    try {
      strictJson(Buffer.from(`${JSON.stringify({ [text]: '' })}\n`));
      return [];
    } catch (error) {
      return [`${at(path)}: ${path.join('.')}: ${(error as Error).message}`];
    }
  };
  return inside(value, []);
}

function archiveMistakes({ value, at }: SpecFile<ReleaseSpec>, product: Product): string[] {
  const mistakes: string[] = [];
  const references = new Map<string, string>();
  for (const [position, { reference }] of value.images.entries()) {
    const where = at(['images', position]);
    const why = noReference(reference);
    if (why !== undefined) mistakes.push(`${where}: no runtime takes the name ${reference}: ${why}`);
    const name = normalizedReference(reference);
    const first = references.get(name);
    if (first !== undefined)
      mistakes.push(
        `${where}: the image ${reference} comes twice${first === reference ? '' : `, once as ${first}`}`,
      );
    references.set(name, reference);
  }
  const { core, connectorsFolder } = product.archives;
  if (value.archives[core] === undefined)
    mistakes.push(`${at(['archives'])}: the product's core archive ${core} is missing`);
  for (const [name, inside] of Object.entries(value.archives)) {
    const connector = connectorsFolder !== undefined && new RegExp(`^${connectorsFolder}/[^/]+$`).test(name);
    if (!name.endsWith('.tar.gz') || (name !== core && !connector))
      mistakes.push(`${at(['archives', name])}: an archive cannot be named ${name}`);
    for (const [position, reference] of inside.entries()) {
      const where = at(['archives', name, position]);
      const meant = normalizedReference(reference);
      if (!references.has(meant)) mistakes.push(`${where}: there is no image ${reference}`);
      if (inside.findIndex((other) => normalizedReference(other) === meant) < position)
        mistakes.push(`${where}: ${reference} comes twice`);
    }
  }
  return mistakes;
}

function fileMistakes({ value, at }: SpecFile<ReleaseSpec>, product: Product): string[] {
  const { template } = product.values;
  const known = value.files[template] !== undefined || template.startsWith(`${product.chart.folder}/`);
  return [
    ...(known ? [] : [`${at(['files'])}: the product's values template ${template} is missing`]),
    ...(value.tools['helm'] === undefined
      ? [`${at(['tools'])}: tools.helm is missing: it renders the chart here, and runs on each host`]
      : []),
  ];
}
