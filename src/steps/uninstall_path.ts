import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { counted } from '../policy/counted.ts';
import { pathNames, pathPlaces } from '../policy/path-names.ts';
import { findOnPath, removeFromPath } from '../release/remove-from-path.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { uninstallFiles } from './uninstall_files.ts';

const left = z.array(z.object({ path: z.string(), why: z.string() }));

const out = z.object({ onPath: z.object({ removed: z.array(z.string()), left }) });

/** Removes what `activate` has put on PATH. Last: until then the command can be typed again as it was. */
export const uninstallPath: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_path',
  out,
  title: 'Remove the names on PATH',
  needs: [uninstallFiles.id],
  revision: 1,
  inputs: ({ product }) => ({ product: product.name }),

  async plan(ctx) {
    const { files, links, copies, folders } = await findOnPath(ctx);
    const there = [...files, ...links, ...copies, ...folders];
    return there.length === 0 && !existsSync(ctx.paths.activation)
      ? { action: 'skip', summary: 'nothing of it is on PATH' }
      : { action: 'run', summary: `delete ${counted(there.length, 'path')} of activate` };
  },

  async preview(ctx) {
    const found = await findOnPath(ctx);
    const paths = [...found.files, ...found.links, ...found.copies, ...found.folders];
    const names = Object.values(pathNames(ctx.product));
    const { bin } = pathPlaces(ctx.product);
    const launchers = found.files.filter((path) => names.some((name) => path === join(bin, name)));
    const others = found.files.length - launchers.length + found.links.length;
    return {
      details: [
        ...(launchers.length === 0
          ? []
          : [`in ${bin}: ${launchers.map((path) => basename(path)).join(', ')}`]),
        ...(others === 0 ? [] : [`${counted(others, 'other file')}: completion, man pages and links`]),
        ...found.copies.map((path) => `the executable ${path}`),
        ...(found.folders.length === 0
          ? []
          : [`${counted(found.folders.length, 'folder')} that activate made, each only if it is empty`]),
        ...found.left.map(({ path, why }) => `stays: ${path} (${why})`),
      ],
      data: { paths, left: found.left.map(({ path }) => path) },
    };
  },

  run: async (ctx) => ({ onPath: await removeFromPath(ctx) }),
};
