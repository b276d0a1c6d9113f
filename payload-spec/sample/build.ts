import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Document, parse, stringify } from 'yaml';
import type { ReleaseSpec } from '../../build/release-spec.ts';
import { releaseSpecSchema } from '../../build/release-spec.ts';
import type { Product } from '../../src/payload/product-schema.ts';
import { productSchema } from '../../src/payload/product-schema.ts';
import { cached } from './cache.ts';
import { helmProgram } from './helm-program.ts';
import { buildImages } from './images.ts';
import { place, sha256 } from './layer.ts';
import { writeOciLayout } from './oci-layout.ts';
import { sampleRelease, sampleVersions } from './releases.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const productFolder = fileURLToPath(new URL('../ivaap/', import.meta.url));

/** The files below a folder, sorted, as paths relative to it. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Hash of everything that a release is made from, so that a release folder never outlives its sources. */
async function sourcesKey(version: string, helm: string): Promise<string> {
  const { size, mtimeMs } = await stat(helm);
  const parts: string[] = [version, process.version, helm, `${size} ${mtimeMs}`];
  for (const folder of [here, productFolder]) {
    for (const path of await filesBelow(folder)) parts.push(path, await readFile(join(folder, path), 'utf8'));
  }
  const lock = new URL('../../package-lock.json', import.meta.url);
  return sha256([...parts, await readFile(lock, 'utf8')].join('\0')).slice(7, 23);
}

/** The chart with the release's own files over the common ones and its versions filled in. */
async function writeChart(version: string, folder: string): Promise<void> {
  const { chartOverlay } = sampleRelease(version);
  await cp(join(here, 'chart'), folder, { recursive: true });
  if (chartOverlay) await cp(join(here, chartOverlay), folder, { recursive: true });
  const chartFile = join(folder, 'Chart.yaml');
  const chart = await readFile(chartFile, 'utf8');
  // Helm wants three numbers; the product's own version has two.
  await writeFile(chartFile, `${chart}version: ${version}.0\nappVersion: '${version}'\n`);
}

const productOf = async (folder: string): Promise<Product> =>
  productSchema.parse(parse(await readFile(join(folder, 'product.yaml'), 'utf8')));

/**
 * What operators may set, as far as it decides what the chart renders: each connector on or off. Returns the
 * spec's matrix of these files.
 */
async function writeValues(folder: string, { entitlements }: Product): Promise<ReleaseSpec['valuesMatrix']> {
  await mkdir(folder);
  const write = async (name: string, keys: readonly string[], value: unknown) => {
    const document = new Document({});
    document.setIn(keys, value);
    await writeFile(join(folder, name), document.toString());
    return `values/${name}`;
  };
  const host = await write('host.yaml', ['ingress', 'host'], 'ivaap.example');
  const axes: NonNullable<ReleaseSpec['valuesMatrix']> = {
    host: { fresh: ['files/values.template.yaml', host] },
  };
  for (const { connector, enabledPath } of Object.values(entitlements)) {
    if (enabledPath === undefined) continue;
    axes[connector] = { off: [], on: [await write(`${connector}.yaml`, enabledPath, true)] };
  }
  return axes;
}

/**
 * Builds one release, or finds it built: a folder with release-spec.yaml, chart/, files/, values/, images/
 * (one OCI layout) and tools/. Throws when there is no such release or a program that it is made with is
 * missing.
 */
export async function buildRelease(version: string, options: { helm?: string } = {}): Promise<string> {
  const { facts, chartOverlay } = sampleRelease(version);
  const helm = await helmProgram(options.helm);
  const key = await sourcesKey(version, helm.path);
  return cached('releases', `${version}-${key}`, async (folder) => {
    await writeChart(version, join(folder, 'chart'));
    const { images, archives } = await buildImages(version);
    await writeOciLayout(join(folder, 'images'), images);
    await mkdir(join(folder, 'files'));
    const template = chartOverlay ? join(here, `${chartOverlay}.values.template.yaml`) : undefined;
    await cp(
      template ?? join(productFolder, 'values.template.yaml'),
      join(folder, 'files/values.template.yaml'),
    );
    await cp(join(productFolder, 'product.yaml'), join(folder, 'product.yaml'));
    await mkdir(join(folder, 'tools'));
    await place(helm.path, join(folder, 'tools/helm'));
    const valuesMatrix = await writeValues(join(folder, 'values'), await productOf(folder));
    const spec = releaseSpecSchema.parse({
      product: 'product.yaml',
      release: facts,
      chart: 'chart',
      files: { 'values.template.yaml': 'files/values.template.yaml' },
      tools: { helm: { path: 'tools/helm', version: helm.version } },
      images: images.map(({ reference }) => ({ reference, ociLayout: 'images' })),
      archives,
      valuesMatrix,
    });
    await writeFile(join(folder, 'release-spec.yaml'), stringify(spec));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { helm: { type: 'string' } },
  });
  if (positionals.length === 0) {
    console.error(
      `usage: node payload-spec/sample/build.ts [--helm PROGRAM] VERSION…   (${sampleVersions.join(' ')})`,
    );
    process.exitCode = 2;
  }
  for (const version of positionals)
    console.log(join(await buildRelease(version, values), 'release-spec.yaml'));
}
