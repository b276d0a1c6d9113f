import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { blobsOf } from '../src/images/archive-layout.ts';
import type { IndexImage } from '../src/payload/index-schema.ts';
import type { Product } from '../src/payload/product-schema.ts';
import type { FoundImage } from './oci-layout.ts';
import { findImage } from './oci-layout.ts';
import type { ReleaseSpec } from './release-spec.ts';
import { readReleaseSpec, SpecError } from './spec-file.ts';

/** Where an entry's bytes come from; `zeros` is a hole. */
export type Content = { bytes: Buffer } | { path: string } | { zeros: true };

/** An entry before it is placed and hashed. */
export interface Source {
  name: string;
  size: number;
  mode: number;
  content: Content;
  /** What the content must hash to: a blob's name. */
  sha256?: string;
}

/** Everything that goes into a payload, in the order of its bytes. */
export interface PackPlan {
  product: Product;
  spec: ReleaseSpec;
  sources: Source[];
  images: IndexImage[];
  compressed: (FoundImage['compressed'][number] & { path: string })[];
  /** Bytes of blobs that more than one image names, counted for each time after the first. */
  sharedBytes: number;
}

const nameShape = /^(?!\/)(?!.*(^|\/)\.\.?(\/|$))(?!.*\/\/)[A-Za-z0-9._@+\-/]{1,512}$/;

/** Reads a spec and all that it names, sizes only. Throws SpecError with file and line. */
export function planPack(specPath: string): PackPlan {
  const { spec, product, resolvePath } = readReleaseSpec(specPath);
  const { release, chart, files, tools, images, archives } = spec.value;
  const file = (name: string, path: string, mode: number, where: string): Source => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true) throw new SpecError(`${where}: there is no file ${path}`);
    return { name, size: found.size, mode, content: { path } };
  };
  const data = (name: string, value: unknown): Source => {
    const bytes = Buffer.from(`${JSON.stringify(value, null, 1)}\n`);
    return { name, size: bytes.length, mode: 0o644, content: { bytes } };
  };
  const found = images.map(({ reference, ociLayout }, position) =>
    findImage(resolvePath(ociLayout), reference, spec.at(['images', position])),
  );
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
  refuseNames(sources, Object.keys(archives), spec.path);
  const imageBytes = found
    .flatMap(({ image }) => [image.manifest, image.config, ...image.layers])
    .reduce((sum, { size }) => sum + size, 0);
  const blobBytes = blobsOf(found.map(({ image }) => image)).reduce((sum, { size }) => sum + size, 0);
  return {
    product: product.value,
    spec: spec.value,
    sources,
    images: found.map(({ image }) => image),
    compressed: found.flatMap(({ compressed, blobPath }) =>
      compressed.map((one) => ({ ...one, path: blobPath(one.layer.digest) })),
    ),
    sharedBytes: imageBytes - blobBytes,
  };
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);

function chartFiles(folder: string, packedFolder: string, where: string): Source[] {
  const entries = statSync(folder, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
    : [];
  const files = entries.filter((entry) => !entry.isDirectory());
  if (!files.some(({ name, parentPath }) => name === 'Chart.yaml' && parentPath === folder))
    throw new SpecError(`${where}: there is no chart in ${folder}`);
  return files
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile()) throw new SpecError(`${where}: ${path} is no regular file`);
      const name = `${packedFolder}/${relative(folder, path)}`;
      return { name, size: statSync(path).size, mode: 0o644, content: { path } };
    })
    .sort(byName);
}

/** Blobs once each, in the order in which the archives read them: giving out an archive reads the file from front to back. */
function blobSources(found: readonly FoundImage[], archives: readonly string[][]): Source[] {
  const inArchives = archives.map((references) =>
    references.flatMap((reference) => found.filter(({ image }) => image.reference === reference)),
  );
  const sources = new Map<string, Source>();
  for (const group of [...inArchives, [...found]]) {
    const paths = new Map(
      group.flatMap(({ image, blobPath }) =>
        blobsOf([image]).map(({ digest }) => [digest, blobPath(digest)]),
      ),
    );
    for (const { digest, size } of blobsOf(group.map(({ image }) => image))) {
      if (sources.has(digest)) continue;
      const content = { path: paths.get(digest)! };
      const name = `blobs/${digest.replace(':', '/')}`;
      sources.set(digest, { name, size, mode: 0o644, content, sha256: digest.replace('sha256:', '') });
    }
  }
  return [...sources.values()];
}

function refuseNames(sources: readonly Source[], archives: readonly string[], where: string): void {
  const seen = new Map<string, string>();
  for (const name of ['index.json', ...sources.map((source) => source.name), ...archives]) {
    if (!nameShape.test(name))
      throw new SpecError(`${where}: ${JSON.stringify(name)} is no name inside a payload`);
    const same = seen.get(name.toLowerCase());
    if (same === name) throw new SpecError(`${where}: the name ${name} comes twice`);
    if (same !== undefined) throw new SpecError(`${where}: ${name} and ${same} differ in case only`);
    seen.set(name.toLowerCase(), name);
  }
}
