import type { Manifest } from '../host/kubectl.ts';
import { normalizedReference } from '../images/reference.ts';
import { wantedImages } from '../images/wanted.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { foreign } from '../foreign.ts';
import { podTemplates } from '../release/pod-templates.ts';
import type { CheckContext } from './facts.ts';
import { shellWord } from '../shell-word.ts';

/** Hooks included: their pods need images, too. */
export async function checkImages(
  { index, product, entitlements, containerd, paths }: CheckContext,
  rendered: readonly Manifest[],
): Promise<Measurement> {
  const ours = new Set(wantedImages(index, product, entitlements).map(({ name }) => name));
  const needed = new Map<string, string>();
  for (const { object, containers } of podTemplates(rendered)) {
    for (const { image } of containers) needed.set(normalizedReference(image), object);
  }
  const others = [...needed.keys()].filter((name) => !ours.has(name));
  const limit = 'each in the payload for this licence, or in containerd and pinned';
  if (others.length === 0) {
    return { outcome: 'ok', measured: `${needed.size} of ${needed.size} in the payload`, limit };
  }
  const there = await containerd.runtimeImages();
  const pinned = new Set(
    there
      .filter((image) => image.pinned)
      .flatMap(({ repoTags, repoDigests }) => [...repoTags, ...repoDigests]),
  );
  const unknown = others.filter((name) => !pinned.has(name));
  return {
    outcome: unknown.length === 0 ? 'ok' : 'fail',
    measured:
      unknown.length === 0
        ? `${needed.size - others.length} of ${needed.size} in the payload, ${foreign(others.join(', '))} pinned in containerd`
        : unknown.map((name) => `${foreign(name)} of ${needed.get(name)} is neither`).join(', '),
    limit,
    fix: `mend the image, or switch off what asks for it (sudoedit ${shellWord(paths.values)})`,
  };
}
