import { foreign } from '../foreign.ts';
import { namesOf } from '../images/compare-runtime.ts';
import { normalizedReference } from '../images/reference.ts';
import { wantedImages } from '../images/wanted.ts';
import { podTemplates } from '../release/pod-templates.ts';
import { toEdit } from '../shell-word.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

/** Hooks are included: their pods need images, too. */
export const images: Check<UpgradeCheckContext> = {
  id: 'images',
  kind: 'guard',
  title: 'Rendered images available',
  limit: 'each one in the payload for this licence, or in containerd and pinned',
  why: 'nothing can be pulled here: a pod with another image never starts',
  fix: 'fix the image in the values file',
  timeoutSeconds: 120,
  flows: ['upgrade'],
  async measure({ index, product, entitlements, containerd, paths, rendered }) {
    const ours = new Set(wantedImages(index, product, entitlements).map(({ name }) => name));
    const needed = new Map<string, string>();
    for (const { object, containers } of podTemplates(await rendered({ hooks: true }))) {
      for (const { image } of containers) needed.set(normalizedReference(image), object);
    }
    const others = [...needed.keys()].filter((name) => !ours.has(name));
    if (others.length === 0) {
      return { outcome: 'ok', measured: `${needed.size} of ${needed.size} in the payload` };
    }
    const there = await containerd.runtimeImages();
    const pinned = new Set(there.filter((image) => image.pinned).flatMap(namesOf));
    const unknown = others.filter((name) => !pinned.has(name));
    return {
      outcome: unknown.length === 0 ? 'ok' : 'fail',
      measured:
        unknown.length === 0
          ? `${needed.size - others.length} of ${needed.size} in the ` +
            `payload, ${foreign(others.join(', '))} pinned in containerd`
          : unknown.map((name) => `${foreign(name)} of ${needed.get(name)} is neither`).join(', '),
      fix: `fix the image, or disable what uses it (${toEdit(paths.values)})`,
    };
  },
};
