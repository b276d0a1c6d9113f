import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Document } from 'yaml';
import { syncFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { computeOverlay, type Overlay } from '../policy/values-patches.ts';
import type { StepContext } from './context.ts';
import type { ValuesFile } from './values_file.ts';

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The overlay's text: what the patches set, with the reason of each. */
function overlayText({ values, applied }: Overlay, valuesPath: string): string {
  const document = new Document(values);
  document.commentBefore = [
    ` Written by the installer, passed to Helm after ${valuesPath}, and written anew by each upgrade.`,
    ' To end a patch, make the change in your own file.',
    ...applied.map(({ id, why }) => ` ${id}: ${why}`),
  ].join('\n');
  return document.toString();
}

/** Writes the overlay that the release's patches ask for on this values file, or removes one that is not asked for any more. */
export function writeOverlay(
  ctx: Pick<StepContext, 'release' | 'paths'>,
  values: ValuesFile,
): Promise<string[]> {
  return placeOverlay(ctx, values, ctx.paths.overlay);
}

/** As {@link writeOverlay}, at another place. Returns the ids of the patches that apply. */
export async function placeOverlay(
  { release, paths }: Pick<StepContext, 'release' | 'paths'>,
  values: ValuesFile,
  path: string,
): Promise<string[]> {
  const overlay = computeOverlay(values.root, release.valuesPatches);
  if (overlay.applied.length > 0) {
    await writeFileAtomic(path, overlayText(overlay, paths.values), { mode: 0o600 });
  } else if (existsSync(path)) {
    await rm(path);
    await syncFolder(dirname(path));
  }
  return overlay.applied.map(({ id }) => id);
}

/** What every Helm call is given, the later file winning: the operator's values, then the overlay where there is one. */
export function valuesFiles({ paths }: Pick<StepContext, 'paths'>): string[] {
  return existsSync(paths.overlay) ? [paths.values, paths.overlay] : [paths.values];
}
