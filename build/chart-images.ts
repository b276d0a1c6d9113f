import type { Manifest } from '../src/host/kubectl.ts';
import { normalizedReference, parseReference, repositoryOf, versionOf } from '../src/images/reference.ts';
import type { IndexImage } from '../src/payload/format/index-schema.ts';
import { podTemplates, pullingPolicy, pullsAlways } from '../src/release/pod-templates.ts';
import type { Findings } from './findings.ts';
import type { Json } from './manifest-json.ts';
import { isObject } from './manifest-json.ts';
import type { ReleaseFiles } from './spec-file.ts';

/** Every image that a rendering may start has to be in the payload, and startable without a registry. */
export function checkImages(
  { spec }: ReleaseFiles,
  packed: readonly IndexImage[],
  manifests: readonly Manifest[],
): Findings {
  const { archives, absentImages } = spec.value;
  const names = new Set(packed.map(({ reference }) => reference));
  const loaded = new Set(Object.values(archives).flat());
  const absent = new Set(absentImages.map(normalizedReference));
  const mistakes: string[] = [];
  const warnings: string[] = [];
  const missing = (image: string): string | undefined => {
    const name = normalizedReference(image);
    if (!names.has(name)) return `not in the payload${otherwisePacked(image, packed)}`;
    return loaded.has(name) ? undefined : 'in no archive';
  };
  const where = (why: string) => spec.at([why === 'in no archive' ? 'archives' : 'images']);
  const contained = new Set<string>();
  for (const { object, containers } of podTemplates(manifests))
    for (const one of containers) {
      const { image } = one;
      contained.add(image);
      const why = missing(image) ?? noName(image);
      if (why !== undefined)
        mistakes.push(`${where(why)}: the chart renders the image ${image} in ${object}, which is ${why}`);
      if (pullsAlways(one))
        mistakes.push(
          `${spec.at(['chart'])}: the chart renders ${image} in ${object} with ` +
            `imagePullPolicy ${pullingPolicy(one)}: ` +
            'kubelet asks a registry for it at each start, and none answers offline',
        );
      else if (normalizedReference(image).endsWith(':latest'))
        warnings.push(
          `${spec.at(['chart'])}: ${image} in ${object} names no version: two ` +
            'releases move one name, and a rollback would start the newer',
        );
    }
  for (const { image, place, sure } of manifests.flatMap(namedImages)) {
    const why = missing(image);
    if (why === undefined || contained.has(image) || absent.has(normalizedReference(image))) continue;
    const text = `${where(why)}: the chart names the image ${image} in ${place}, which is ${why}`;
    if (sure) mistakes.push(`${text}: pack it, or list it in absentImages when no host starts it`);
    else warnings.push(text);
  }
  return { mistakes, warnings };
}

/** Every image that manifests name, as the runtime has it, with the places that do. */
export function foundImages(manifests: readonly Manifest[]): Map<string, Set<string>> {
  const started = podTemplates(manifests).flatMap(({ object, containers }) =>
    containers.map(({ name, image }) => ({ image, place: `${object} (${name})` })),
  );
  const named = manifests.flatMap(namedImages);
  const found = new Map<string, Set<string>>();
  const inContainers = new Set(started.map(({ image }) => normalizedReference(image)));
  // A container's own field is found by both.
  for (const { image, place } of [
    ...started,
    ...named.filter(({ image: one }) => !inContainers.has(normalizedReference(one))),
  ]) {
    const name = normalizedReference(image);
    found.set(name, (found.get(name) ?? new Set()).add(place));
  }
  return found;
}

/** How the payload has an image that it does not have under this name; empty where it has none like it. */
function otherwisePacked(image: string, packed: readonly IndexImage[]): string {
  const version = versionOf(image);
  const same = packed.filter(({ reference }) => repositoryOf(reference) === repositoryOf(image));
  const asWell = `name ${image} in images and archives as well`;
  if (version?.digest === undefined) {
    const byDigest = same.find(({ reference }) => versionOf(reference)?.digest !== undefined);
    return version === undefined || byDigest === undefined
      ? ''
      : ` by its tag, only as ${byDigest.reference}, and kubelet looks for the name as the chart has it: ` +
          asWell;
  }
  const { digest } = version;
  const exact = same.find(({ manifest }) => manifest.digest === digest);
  if (exact !== undefined)
    return ` by its digest, only as ${exact.reference}, and kubelet looks for the digest alone: ${asWell}`;
  const there = same.map(({ reference, manifest }) => `${reference} with the digest ${manifest.digest}`);
  return there.length === 0
    ? ''
    : `, which has ${there.join(' and ')}: write that digest in the chart and in images and archives, or ` +
        `pack the image that has ${digest}`;
}

function noName(image: string): string | undefined {
  try {
    parseReference(image);
    return undefined;
  } catch (error) {
    return `no name that a runtime takes: ${(error as Error).message}`;
  }
}

interface NamedImage {
  image: string;
  place: string;
  /** Named by a field or flag of its own; not only in a text. */
  sure: boolean;
}

const variableName = /^RELATED_IMAGE_|(?:^|_)IMAGE(?:_(?:NAME|REF|REFERENCE|URL))?$/;
const flag = /^--?[\w.-]*image[\w.-]*$/i;

/**
 * Images that something starts which is no container of the manifest: an operator by flag, variable, field or
 * configuration.
 */
function namedImages(manifest: Manifest): NamedImage[] {
  const object = `${manifest.kind}/${manifest.metadata.name}`;
  const found: NamedImage[] = [];
  const take = (value: Json, place: string, sure = true) => {
    if (typeof value === 'string' && isVersioned(value)) found.push({ image: value, place, sure });
  };
  const walk = (value: Json, key: string): void => {
    if (Array.isArray(value)) {
      if (key === 'args' || key === 'command') takeFlags(value as Json[]);
      for (const one of value as Json[]) walk(one, key);
      return;
    }
    if (!isObject(value)) return;
    const { name, value: text, registry, repository, tag, digest } = value;
    if (key === 'env' && typeof name === 'string' && variableName.test(name))
      take(text, `${object} (variable ${name})`);
    if (typeof repository === 'string') {
      const before = typeof registry === 'string' ? `${registry}/` : '';
      const tagged = typeof tag === 'string' || typeof tag === 'number' ? `:${tag}` : '';
      // Many charts have the key, and leave it empty.
      const pinned = typeof digest === 'string' && digest !== '' ? `@${digest}` : '';
      take(`${before}${repository}${tagged}${pinned}`, `${object} (${key})`);
    }
    for (const [inner, one] of Object.entries(value)) {
      if (/image$/i.test(inner)) take(one, `${object} (${inner})`);
      if (manifest.kind === 'ConfigMap' && key === 'data') takeText(one, inner);
      walk(one, inner);
    }
  };
  const takeFlags = (words: readonly Json[]) =>
    words.forEach((word, position) => {
      const [name = '', ...rest] = String(word).split('=');
      if (flag.test(name))
        take(rest.length > 0 ? rest.join('=') : words[position + 1], `${object} (${name})`);
    });
  const takeText = (text: Json, key: string) => {
    if (typeof text !== 'string') return;
    if (variableName.test(key)) take(text, `${object} (${key})`);
    for (const [, image] of text.matchAll(/^[\s-]*["']?\w*image["']?\s*[:=]\s*["']?([^\s"',]+)/gim))
      take(image, `${object} (in the text of ${key})`, false);
  };
  walk(manifest, '');
  return found;
}

/** Something with a tag or a digest that the grammar takes: a word alone may be anything. */
function isVersioned(text: string): boolean {
  try {
    const { tag, digest } = parseReference(text);
    return tag !== undefined || digest !== undefined;
  } catch {
    return false;
  }
}
