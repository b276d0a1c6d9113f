import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { Document } from 'yaml';
import type { StepIo } from '../engine/step.ts';
import { syncFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { computeOverlay, type Overlay } from '../policy/values-patches.ts';
import { keepEdited } from '../backup/backup-folder.ts';
import type { StepContext } from './context.ts';
import type { ValuesFile } from './values-file.ts';
import { asHelmReads } from './values-yaml.ts';

export function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The overlay's text: what the patches set, with the reason of each. */
function overlayText({ values, applied }: Overlay, valuesPath: string): string {
  const document = new Document(values, asHelmReads);
  document.commentBefore = [
    ` Written by the installer, passed to Helm after ${valuesPath}, and rewritten by each upgrade.`,
    ' To end a patch, make the change in your own file.',
    ...applied.map(({ id, why }) => ` ${id}: ${why}`),
  ].join('\n');
  return document.toString();
}

/** Of `overlay` in the state: null where no patch applies. */
export const overlaySchema = z.object({
  path: z.string().nullable(),
  patches: z.array(z.string()),
  /** Absent in older records. */
  sha256: z.string().nullable().optional(),
});

/** The part that is recorded before the overlay is written; it stays in the result. */
const hashOnly = z.object({ overlay: overlaySchema.pick({ sha256: true }) });

/**
 * Writes the overlay that the release's patches need for this values file, or removes one that is not needed
 * any more. An unknown one is saved in a backup first: `copies` are where it may have been saved, `known` is
 * a backup folder to use.
 */
export async function writeOverlay(
  ctx: Pick<StepContext, 'release' | 'paths' | 'now' | 'run'>,
  io: Pick<StepIo, 'record' | 'warn'>,
  values: ValuesFile,
  { step, copies = [], known }: { step: string; copies?: readonly string[]; known?: string },
): Promise<z.infer<typeof overlaySchema>> {
  const { overlay } = ctx.paths;
  const patched = computeOverlay(values.root, ctx.release.valuesPatches);
  const sha256 = patched.applied.length === 0 ? null : sha256Of(overlayText(patched, ctx.paths.values));
  const there = await fileHash(overlay);
  const record = ctx.run()?.steps[step];
  const ours = [record?.out, record?.earlier, record?.recorded].map(
    (kept) => hashOnly.safeParse(kept).data?.overlay.sha256,
  );
  const saved = await Promise.all(copies.map(fileHash));
  if (there !== undefined && ![sha256, ...ours, ...saved].includes(there)) {
    await keepEdited(ctx, io, overlay, known);
  }
  await io.record({ overlay: { sha256 } });
  const patches = await placeOverlay(ctx, values, overlay);
  return { path: patches.length > 0 ? overlay : null, patches, sha256 };
}

const fileHash = async (path: string): Promise<string | undefined> =>
  existsSync(path) ? sha256Of(await readFile(path, 'utf8')) : undefined;

/**
 * As {@link writeOverlay}, at another path, over any file there. Returns the ids of the patches that apply.
 */
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
