import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { baseLayers, serverFolder, serverLayers, users } from './base-layers.ts';
import { cachedLayer, sha256 } from './layer.ts';
import type { Layer } from './layer.ts';
import type { ImageSource } from './oci-layout.ts';
import { sampleRelease } from './releases.ts';

/** Where the sample's images claim to come from: a name reserved for examples, which nothing can pull. */
const registry = 'registry.ivaap.example/ivaap';

/** Image -> the service's source below services/, and the archive that carries it. */
const services: Record<string, { source: string; archive: string }> = {
  adminserver: { source: 'adminserver/main.ts', archive: 'docker-images.tar.gz' },
  backend: { source: 'backend/main.ts', archive: 'docker-images.tar.gz' },
  dashboard: { source: 'dashboard/main.ts', archive: 'docker-images.tar.gz' },
  'connector-ppdm': { source: 'connector/ppdm.ts', archive: 'connectors/ppdm.tar.gz' },
  'connector-witsml': { source: 'connector/witsml.ts', archive: 'connectors/witsml.tar.gz' },
};

/** One service and the libraries that it uses as a single script. */
export async function bundleService(source: string, codeOf: string): Promise<Buffer> {
  const { schema } = sampleRelease(codeOf).facts;
  const result = await build({
    // The bundle names its modules by their paths from here, also where node_modules is a link to another
    // folder.
    absWorkingDir: fileURLToPath(new URL('../..', import.meta.url)),
    preserveSymlinks: true,
    entryPoints: [fileURLToPath(new URL(`services/${source}`, import.meta.url))],
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    write: false,
    legalComments: 'none',
    // The native client and Cloudflare's sockets are optional parts of pg that this image does not have.
    external: ['pg-native', 'cloudflare:sockets'],
    define: { IVAAP_RELEASE: JSON.stringify({ version: codeOf, schema }) },
    logLevel: 'error',
  });
  return Buffer.from(result.outputFiles[0]?.contents ?? []);
}

/** A layer of some KB with the service's script; the same bytes give the same layer. */
async function serviceLayer(source: string, codeOf: string): Promise<Layer> {
  const script = await bundleService(source, codeOf);
  return cachedLayer(`service-${sha256(script).slice(7, 23)}`, async () => [
    { path: 'app', type: 'directory', mode: 0o755 },
    { path: 'app/main.cjs', type: 'file', mode: 0o644, content: script },
  ]);
}

/**
 * The images of a release and, by archive, their references. Releases that share code differ in the version's
 * label only.
 */
export async function buildImages(
  version: string,
): Promise<{ images: ImageSource[]; archives: Record<string, string[]> }> {
  const { codeOf, facts } = sampleRelease(version);
  const { base } = await baseLayers();
  const images: ImageSource[] = [];
  const archives: Record<string, string[]> = {};
  const add = (name: string, archive: string, image: Omit<ImageSource, 'reference' | 'labels'>) => {
    const reference = `${registry}/${name}:${version}`;
    const labels = { 'org.opencontainers.image.title': name, 'org.opencontainers.image.version': version };
    images.push({ reference, labels, ...image });
    (archives[archive] ??= []).push(reference);
  };
  for (const [name, { source, archive }] of Object.entries(services)) {
    add(name, archive, {
      layers: [base, await serviceLayer(source, codeOf)],
      config: {
        User: `${users.service}:${users.service}`,
        Env: ['PATH=/usr/bin:/bin', 'NODE_ENV=production'],
        Entrypoint: ['/usr/bin/node', '--max-old-space-size=96', '/app/main.cjs'],
        ExposedPorts: { '8080/tcp': {} },
        StopSignal: 'SIGTERM',
      },
    });
  }
  add('postgres', 'docker-images.tar.gz', {
    layers: await serverLayers(facts.postgresMajor),
    config: {
      User: `${users.postgres}:${users.postgres}`,
      Env: [`PATH=/${serverFolder(facts.postgresMajor)}/bin:/usr/local/bin:/usr/bin:/bin`, 'LANG=C'],
      Entrypoint: ['/usr/local/bin/postgres-entrypoint'],
      ExposedPorts: { '5432/tcp': {} },
      // SIGTERM would wait for every client to leave; SIGINT is PostgreSQL's fast shutdown.
      StopSignal: 'SIGINT',
    },
  });
  return { images, archives };
}
