import { statSync } from 'node:fs';
import { blobsOf } from '../src/payload/format/archive-layout.ts';
import { blobName } from '../src/payload/format/entries.ts';
import type { IndexImage } from '../src/payload/format/index-schema.ts';
import type { Product } from '../src/payload/product-schema.ts';
import type { Source } from './pack-source.ts';
import type { Scratch } from './layout-files.ts';
import { archiveSources, folderSource } from './layout-files.ts';
import { chartFiles } from './chart-files.ts';
import type { FoundImage } from './oci-layout.ts';
import { findImage } from './oci-layout.ts';
import type { ReleaseSpec } from './release-spec.ts';
import type { ReleaseFiles } from './spec-file.ts';
import { readReleaseSpec, SpecError } from './spec-file.ts';

/** Everything that goes into a payload, in the order of its bytes. */
export interface PackPlan {
  product: Product;
  spec: ReleaseSpec;
  /** The same two with the places of their values. */
  files: ReleaseFiles;
  sources: Source[];
  images: IndexImage[];
  /** Variables of their configurations, by reference. */
  variables: ReadonlyMap<string, ReadonlyMap<string, string>>;
  compressed: (FoundImage['compressed'][number] & { path: string; offset: number; where: string })[];
  /** Bytes of blobs that more than one image names, counted for each time after the first. */
  sharedBytes: number;
  /** Of layers that are stored uncompressed, each counted once. */
  uncompressedBytes: number;
}

const nameShape = /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))(?!.*\/(\/|$))[A-Za-z0-9._@+\-/]{1,512}$/;

/**
 * Reads a spec and all that it names, sizes only; compressed archives are unpacked into `scratch`. Throws
 * SpecError with file and line.
 */
export async function planPack(specPath: string, scratch: Scratch): Promise<PackPlan> {
  const read = readReleaseSpec(specPath);
  const { spec, product, resolvePath } = read;
  const { release, chart, files, tools, archives } = spec.value;
  const file = (name: string, path: string, mode: number, where: string): Source => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true) throw new SpecError(`${where}: there is no file ${path}`);
    return { name, size: found.size, mode, content: { path }, where };
  };
  const data = (name: string, value: unknown): Source => {
    const bytes = Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
    return { name, size: bytes.length, mode: 0o644, content: { bytes } };
  };
  const found = await findImages(read, scratch);
  const sources = [
    data('product.json', product.value),
    data('release.json', release),
    ...chartFiles(resolvePath(chart), product.value.chart.folder, spec.at(['chart'])),
    ...Object.entries(files)
      .map(([name, path]) => file(name, resolvePath(path), 0o644, spec.at(['files', name])))
      .sort(byName),
    ...Object.entries(tools)
      .map(([name, { path }]) => file(`tools/${name}`, resolvePath(path), 0o755, spec.at(['tools', name])))
      .sort(byName),
    ...blobSources(found, Object.values(archives)),
  ];
  const { template } = product.value.values;
  if (!sources.some(({ name }) => name === template))
    throw new SpecError(
      `${product.at(['values', 'template'])}: the chart has no ${template}, or its .helmignore ` +
        'leaves it out: an install would have no values to write',
    );
  refuseNames([
    ...sources,
    ...Object.keys(archives).map((name) => ({ name, where: spec.at(['archives', name]) })),
  ]);
  const imageBytes = found
    .flatMap(({ image }) => [image.manifest, image.config, ...image.layers])
    .reduce((sum, { size }) => sum + size, 0);
  const blobBytes = blobsOf(found.map(({ image }) => image)).reduce((sum, { size }) => sum + size, 0);
  return {
    product: product.value,
    spec: spec.value,
    files: read,
    sources,
    images: found.map(({ image }) => image),
    variables: new Map(found.map(({ image, variables }) => [image.reference, variables])),
    compressed: found.flatMap(({ compressed, blobContent, where }) =>
      compressed.map((one) => {
        const content = blobContent(one.layer.digest);
        if (!('path' in content)) throw new Error('a layer is a file');
        return { ...one, path: content.path, offset: content.offset ?? 0, where };
      }),
    ),
    sharedBytes: imageBytes - blobBytes,
    uncompressedBytes: uncompressedBytes(found.map(({ image }) => image)),
  };
}

async function findImages({ spec, resolvePath }: ReleaseFiles, scratch: Scratch): Promise<FoundImage[]> {
  const openArchive = archiveSources(scratch);
  const found: FoundImage[] = [];
  for (const [position, { reference, sourceName, ociLayout, archive }] of spec.value.images.entries()) {
    const where = spec.at(['images', position]);
    const source =
      archive === undefined
        ? folderSource(resolvePath(ociLayout!))
        : await openArchive(resolvePath(archive), where);
    found.push(findImage(source, { reference, sourceName, where }));
  }
  return found;
}

function uncompressedBytes(images: readonly IndexImage[]): number {
  const plain = images.flatMap(({ layers }) => layers.filter(({ digest, diffId }) => digest === diffId));
  return [...new Map(plain.map(({ digest, size }) => [digest, size])).values()].reduce(
    (sum, size) => sum + size,
    0,
  );
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

/**
 * Blobs once each, in the order in which the archives read them: giving out an archive reads the file from
 * front to back.
 */
function blobSources(found: readonly FoundImage[], archives: readonly string[][]): Source[] {
  const inArchives = archives.map((references) =>
    references.flatMap((reference) => found.filter(({ image }) => image.reference === reference)),
  );
  const sources = new Map<string, Source>();
  for (const group of [...inArchives, [...found]]) {
    const contents = new Map(
      group.flatMap(({ image, blobContent }) =>
        blobsOf([image]).map(({ digest }) => [digest, blobContent(digest)]),
      ),
    );
    const places = new Map(
      group.flatMap(({ image, where }) => blobsOf([image]).map(({ digest }) => [digest, where])),
    );
    for (const { digest, size } of blobsOf(group.map(({ image }) => image))) {
      if (sources.has(digest)) continue;
      const content = contents.get(digest)!;
      const name = blobName(digest);
      const where = places.get(digest)!;
      sources.set(digest, { name, size, mode: 0o644, content, sha256: digest.replace('sha256:', ''), where });
    }
  }
  return [...sources.values()];
}

function refuseNames(named: readonly { name: string; where?: string }[]): void {
  const seen = new Map<string, string>([['index.json', 'index.json']]);
  for (const { name, where = 'the payload' } of named) {
    if (!nameShape.test(name))
      throw new SpecError(
        `${where}: ${JSON.stringify(name)} is no name inside a payload: at most 512 letters, ` +
          'digits and . _ - + @ between slashes (what a chart does not need, .helmignore leaves ' +
          'out)',
      );
    const same = seen.get(name.toLowerCase());
    if (same === name) throw new SpecError(`${where}: duplicate name ${name}`);
    if (same !== undefined) throw new SpecError(`${where}: ${name} and ${same} differ in case only`);
    seen.set(name.toLowerCase(), name);
  }
  for (const { name, where = 'the payload' } of named)
    for (let at = name.indexOf('/'); at > 0; at = name.indexOf('/', at + 1)) {
      const file = seen.get(name.slice(0, at).toLowerCase());
      if (file !== undefined) throw new SpecError(`${where}: ${file} is a file, and a folder in ${name}`);
    }
}
