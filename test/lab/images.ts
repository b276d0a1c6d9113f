import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { cacheFolder } from './paths.ts';

/**
 * The lab's own images, from the static busybox of the machine: what holds a pod's sandbox, and a shell to
 * try things with.
 */

const applets =
  'sh cat cp date df echo env false grep head httpd id kill ln ls mkdir mv nc ' +
  'nslookup printf ps rm sleep stat sync tail test touch true wc wget';

const images = [
  { file: 'pause', reference: 'docker.io/rancher/mirrored-pause:3.6', command: ['sleep', '2147483647'] },
  { file: 'busybox', reference: 'docker.io/library/busybox:1.35', command: ['sh'] },
];

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function tarOf(
  entries: readonly { name: string; bytes?: Buffer; link?: string; mode?: number }[],
): Promise<Buffer> {
  const tar = pack();
  for (const { name, bytes, link, mode = 0o755 } of entries) {
    const header = { name, mode, mtime: new Date(0) };
    if (link !== undefined) tar.entry({ ...header, type: 'symlink', linkname: link });
    else if (bytes === undefined) tar.entry({ ...header, type: 'directory' });
    else tar.entry(header, bytes);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Writes the OCI archives that are missing and returns their paths. */
export async function ensureImages(busybox = '/bin/busybox'): Promise<string[]> {
  const binary = readFileSync(busybox);
  const folder = join(cacheFolder, 'lab/images', sha256(binary).slice(7, 23));
  mkdirSync(folder, { recursive: true });
  const layer = await tarOf([
    { name: 'bin/' },
    { name: 'tmp/', mode: 0o1777 },
    { name: 'bin/busybox', bytes: binary },
    ...applets.split(' ').map((applet) => ({ name: `bin/${applet}`, link: 'busybox' })),
  ]);
  const paths: string[] = [];
  for (const { file, reference, command } of images) {
    const path = join(folder, `${file}.oci.tar`);
    paths.push(path);
    if (existsSync(path)) continue;
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: command, Env: ['PATH=/bin'] },
        rootfs: { type: 'layers', diff_ids: [sha256(layer)] },
      }),
    );
    const described = (mediaType: string, bytes: Buffer) => ({
      mediaType,
      digest: sha256(bytes),
      size: bytes.length,
    });
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: described('application/vnd.oci.image.config.v1+json', config),
        layers: [described('application/vnd.oci.image.layer.v1.tar', layer)],
      }),
    );
    const index = {
      schemaVersion: 2,
      manifests: [
        {
          ...described('application/vnd.oci.image.manifest.v1+json', manifest),
          annotations: { 'io.containerd.image.name': reference },
        },
      ],
    };
    const blob = (bytes: Buffer) => ({ name: `blobs/sha256/${sha256(bytes).slice(7)}`, bytes, mode: 0o644 });
    const archive = await tarOf([
      { name: 'oci-layout', bytes: Buffer.from('{"imageLayoutVersion":"1.0.0"}'), mode: 0o644 },
      { name: 'index.json', bytes: Buffer.from(JSON.stringify(index)), mode: 0o644 },
      ...[manifest, config, layer].map(blob),
    ]);
    const temporary = `${path}.${process.pid}`;
    await pipeline([archive], createWriteStream(temporary));
    renameSync(temporary, path);
  }
  return paths;
}
