import type { CheckedImage, Containerd } from '../host/containerd.ts';
import { mayName, type WantedImage } from './wanted.ts';

/** An image and its name in containerd. */
type NamedImage = Pick<WantedImage, 'image' | 'name'>;

/**
 * What containerd has of a wanted image: ready under its name, complete under another name, or incomplete.
 */
export type Presence = { state: 'ready' } | { state: 'elsewhere'; at: string } | { state: 'missing' };

/**
 * Looks wanted images up by image ID (the digest of the configuration): the same image has another manifest
 * when another tool packed it. An image counts only when all its blobs are there and it is unpacked.
 */
export async function lookUp(
  containerd: Containerd,
  wanted: readonly NamedImage[],
): Promise<Map<string, Presence>> {
  const stored = await containerd.check();
  const ids = imageIds(stored, wanted);
  const idOf = async (row: CheckedImage) => ids.get(row.digest) ?? readImageId(containerd, row.digest);
  const found = new Map<string, Presence>();
  for (const want of wanted) {
    const { image, name } = want;
    const id = image.config.digest;
    const whole = stored.filter((row) => row.complete && row.unpacked);
    const named = whole.find((row) => row.name === name);
    const other = whole.find(
      (row) => row.name !== name && ids.get(row.digest) === id && mayName(want, row.digest),
    );
    if (named !== undefined && (await idOf(named)) === id) found.set(name, { state: 'ready' });
    else if (other === undefined) found.set(name, { state: 'missing' });
    else found.set(name, { state: 'elsewhere', at: other.name });
  }
  return found;
}

/**
 * Image IDs by manifest digest, as far as names say them: CRI keeps a name `sha256:ID` for every image that
 * it knows.
 */
function imageIds(stored: readonly CheckedImage[], wanted: readonly NamedImage[]): Map<string, string> {
  const ids = new Map<string, string>();
  for (const { name, digest } of stored) if (name.startsWith('sha256:')) ids.set(digest, name);
  for (const { image } of wanted) ids.set(image.manifest.digest, image.config.digest);
  return ids;
}

async function readImageId(containerd: Containerd, manifestDigest: string): Promise<string | undefined> {
  const text = await containerd.blob(manifestDigest);
  try {
    return (JSON.parse(text ?? '{}') as { config?: { digest?: string } }).config?.digest;
  } catch {
    return undefined;
  }
}
