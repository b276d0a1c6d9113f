import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { moveTree } from '../host/move-tree.ts';
import { removeEmptyFolder, removeTree } from '../host/remove-tree.ts';
import { isMountPoint } from '../host/mounts.ts';
import { isPayloadChart } from '../release/chart-tree.ts';
import { ofData, ourFiles, placeAfter } from '../release/our-files.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { uninstallImages } from './uninstall_images.ts';

const out = z.object({ files: z.object({ removed: z.array(z.string()), left: z.array(z.string()) }) });

/** Removes the product's files. What the installer needs to resume goes last, once the run is recorded. */
export const uninstallFiles: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_files',
  out,
  title: 'Remove the files',
  needs: [uninstallImages.id],
  revision: 1,
  inputs: ({ product }) => ({ folder: product.folder }),
  plan: async ({ product }) => ({ action: 'run', summary: `delete what is ours in ${product.folder}` }),

  async preview(ctx) {
    const { found, paths, choices } = ctx;
    const { ours, foreign } = found.files;
    const files = ours.filter((path) => !ofData(found).includes(path));
    const edited = files.includes(paths.chart) && !(await isPayloadChart(ctx, paths.chart));
    const place = (path: string) =>
      path === paths.chart && edited ? 'moved' : placeAfter(paths, path, choices);
    const named = (how: ReturnType<typeof place>, head: string) => {
      const all = files.filter((path) => place(path) === how).map((path) => relative(paths.folder, path));
      return all.length === 0 ? [] : [`${head}: ${all.join(', ')}`];
    };
    return {
      details: [
        ...named('moved', `moved to ${choices.dumpTo}`),
        ...named('copied', 'deleted, with a copy there'),
        ...named('deleted', 'deleted'),
        ...foreign.map((path) => `stays: ${path}, which is not ours`),
      ],
      data: { files, foreign },
    };
  },

  async run(ctx, io) {
    const { product, paths, found, choices } = ctx;
    const dataPaths = ofData(found);
    const { ours, foreign } = await ourFiles(product, paths, found);
    const removed: string[] = [];
    for (const path of ours) {
      io.signal.throwIfAborted();
      // The installer's folder goes at the very end.
      if (dataPaths.includes(path) || (path.startsWith(`${paths.installer}/`) && path !== paths.overlay))
        continue;
      if (path === paths.chart && !(await isPayloadChart(ctx, path))) {
        const to = join(choices.dumpTo, basename(path));
        io.log(`${path} is not the chart of this package: it is kept as ${to}`);
        await moveTree(path, to);
      } else await clear(path);
      removed.push(path);
    }
    if (paths.connectors !== undefined) await removeEmptyFolder(paths.connectors);
    return { files: { removed, left: foreign.filter((path) => existsSync(path)) } };
  },
};

/** A folder on which a disk is mounted stays, empty. */
async function clear(path: string): Promise<void> {
  if (!isMountPoint(path)) return removeTree(path);
  for (const name of await readdir(path)) await removeTree(join(path, name));
}
