import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Emit } from '../engine/events.ts';
import { compareArchives } from '../images/compare-archives.ts';
import { openPayload } from '../payload/open-payload.ts';
import { signerOf } from '../payload/format/signature.ts';
import { type Machine, thisMachine } from '../session/machine.ts';
import { byteTask } from './byte-task.ts';
import { installedVersion, newerInstalledThan, queryHostImages } from './host-images.ts';
import { manifestReport } from './manifest-report.ts';
import type { ManifestReport } from './manifest-schema.ts';

interface ManifestPorts {
  program: string;
  signal: AbortSignal;
  emit: Emit;
  /** Another one in tests. */
  machine?: Machine;
}

/**
 * The payload compared with archives on disk, containerd and cluster; `deep` reads every byte of the archives
 * and reports progress.
 */
export async function queryManifest(
  { deep }: { deep: boolean },
  { program, signal, emit, machine = thisMachine }: ManifestPorts,
): Promise<ManifestReport> {
  const payload = await openPayload();
  try {
    const [index, product, release] = await Promise.all([
      payload.index(),
      payload.product(),
      payload.release(),
    ]);
    const paths = index.archives.map(({ name }) => join(product.folder, name));
    const task = deep
      ? byteTask(emit, {
          task: 'compare',
          title: 'reading the archives on disk',
          total: await bytesOf(paths),
        })
      : undefined;
    let bytes = 0;
    const onBytes = (read: number) => task?.progress((bytes += read));
    const compare = () => compareArchives(index, product.folder, { deep, signal, onBytes });
    const [archives, host, newerInstalled, installed] = await Promise.all([
      task?.during(compare) ?? compare(),
      queryHostImages(index, product, { machine, signal }),
      newerInstalledThan(payload),
      installedVersion(product),
    ]);
    const key = signerOf(payload.trailer);
    return manifestReport(index, product, {
      digest: payload.digest,
      key,
      archives,
      host,
      program,
      newerInstalled,
      notes: release.notes,
      installed,
    });
  } finally {
    await payload.close();
  }
}

/** Bytes that `deep` will read; unreadable files count as 0. */
async function bytesOf(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
