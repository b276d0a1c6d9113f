import { causeChain, IvaapError } from '../errors.ts';
import type { CheckedImage, Containerd, StoredImage } from '../host/containerd.ts';
import type { IndexImage } from '../payload/format/index-schema.ts';
import { blobsOf } from '../payload/format/archive-layout.ts';
import { ociTarStream, type BlobSource } from '../payload/format/archive-stream.ts';
import { openOurArchive } from './disk-archive.ts';
import { foreignTar } from './foreign-import.ts';
import { keepMoved } from './moved-names.ts';
import { foundBefore, pinImage, pinImages, type PinOptions, pinPresent, stagingPrefix } from './pins.ts';
import type { DiskSource, ImagePlan, PlannedImage } from './plan.ts';
import { dropDamaged } from './damaged-blobs.ts';
import { SourceBroken, Watched } from './watched-source.ts';
import { sudo } from '../shell-word.ts';

export interface LoadSettings extends PinOptions {
  containerd: Containerd;
  /** The payload's proved blobs. */
  payload: { blob: BlobSource };
  /** Bytes fed to the importer, of all that were missing; `note` names the image. */
  onProgress?: (done: number, total: number, note: string) => void;
  /** Called when half of the missing images have their names. */
  onMidway?: () => Promise<void>;
  log?: (line: string) => void;
  warn?: (line: string) => void;
}

export interface LoadResult {
  /** Names of images that were imported, given a name only, and found ready. */
  loaded: string[];
  tagged: string[];
  present: string[];
  /** Names of older releases' images that kubelet may collect from now on. */
  unpinned: string[];
  /** Bytes that went through the importer. */
  importedBytes: number;
}

/** Images of one import: what is streamed, and the name that it is for. */
interface Shipment {
  planned: PlannedImage;
  image: IndexImage;
  manifestBytes: Buffer | undefined;
}

type MakeTar = (
  shipments: readonly (Shipment & { name: string })[],
  omit: ReadonlySet<string>,
) => AsyncIterable<Buffer>;

/**
 * Does what the plan says: streams missing blobs into the importer under names of ours, proves each image
 * complete, and only then moves its real name, pinned at once. A name that a running pod needs never leads to
 * something incomplete. Can be killed at any instant and called again with a new plan.
 */
export async function loadImages(plan: ImagePlan, settings: LoadSettings): Promise<LoadResult> {
  const loading = new Loading(plan, settings);
  return loading.run();
}

class Loading {
  readonly #plan: ImagePlan;
  readonly #settings: LoadSettings;
  readonly #stagingPrefix: string;
  #have: Set<string> = new Set();
  /** Names as they were before. */
  #stored: ReadonlyMap<string, StoredImage> = new Map();
  #importedBytes = 0;
  #named = 0;

  constructor(plan: ImagePlan, settings: LoadSettings) {
    this.#plan = plan;
    this.#settings = settings;
    this.#stagingPrefix = stagingPrefix(settings.product);
  }

  async run(): Promise<LoadResult> {
    const { containerd } = this.#settings;
    const { images } = this.#plan;
    const names = (action: PlannedImage['action']) =>
      images.filter((image) => image.action === action).map(({ name }) => name);
    try {
      this.#stored = new Map((await containerd.names()).map((stored) => [stored.name, stored]));
      const present = images.filter(({ action }) => action === 'none');
      await pinPresent(containerd, present, this.#stored, this.#settings);
      for (const { action, at = '', name } of images) {
        if (action === 'tag') await this.#nameImage(at, name, this.#stored.get(at)?.digest ?? '');
      }
      const toLoad = images.filter(({ action }) => action === 'load');
      if (toLoad.length > 0) this.#have = await containerd.blobs();
      const rest = toLoad.filter(({ source }) => source === undefined);
      for (const [source, ofSource] of bySource(toLoad))
        rest.push(...(await this.#fromDisk(source, ofSource)));
      for (const planned of rest) {
        await this.#ship(
          [{ planned, image: planned.image, manifestBytes: undefined }],
          (shipments, omit) =>
            ociTarStream({ images: shipments, blobs: (digest) => this.#settings.payload.blob(digest), omit })
              .stream,
        );
      }
    } finally {
      await this.#removeStaging();
    }
    const { unpinned } = await pinImages(containerd, images, this.#settings);
    return {
      loaded: names('load'),
      tagged: names('tag'),
      present: names('none'),
      unpinned,
      importedBytes: this.#importedBytes,
    };
  }

  /** Loads what one archive on disk gives; returns what has to come from the payload instead. */
  async #fromDisk(source: DiskSource, images: PlannedImage[]): Promise<PlannedImage[]> {
    const left = new Set(images);
    try {
      if (source.kind === 'ours') await this.#fromOurs(source, images, left);
      else await this.#fromForeign(source, images, left);
    } catch (error) {
      if (!(error instanceof SourceBroken)) throw error;
      if (this.#plan.from === 'disk') {
        throw new IvaapError('failed', `${source.path}: ${error.message}`, {
          hint: source.refresh,
          cause: error.cause,
        });
      }
      const line =
        `${source.path}: ${error.message}; its images come from ` +
        `the payload (refresh it: ${source.refresh})`;
      this.#settings.warn?.(line);
    }
    return [...left];
  }

  async #fromOurs(source: DiskSource, images: PlannedImage[], left: Set<PlannedImage>): Promise<void> {
    const { index } = this.#plan;
    const archive = index.archives.find(({ name }) => name === images[0]?.archive);
    if (archive === undefined) return;
    const { blobs, close } = await openOurArchive(source.path, index, archive);
    try {
      for (const planned of images) {
        await this.#ship(
          [{ planned, image: planned.image, manifestBytes: undefined }],
          (shipments, omit) => ociTarStream({ images: shipments, blobs, omit }).stream,
        );
        left.delete(planned);
      }
    } finally {
      await close();
    }
  }

  /** All images of a foreign archive in one pass: it cannot be read by position. */
  async #fromForeign(source: DiskSource, images: PlannedImage[], left: Set<PlannedImage>): Promise<void> {
    if (source.kind !== 'foreign') return;
    const { archive } = source;
    const shipments = images.flatMap((planned) => {
      const found = archive.images.get(planned.configDigest);
      return found === undefined ? [] : [{ planned, ...found }];
    });
    const { signal } = this.#settings;
    await this.#ship(shipments, (named, omit) => foreignTar(archive, named, omit, { signal }));
    for (const { planned } of shipments) left.delete(planned);
  }

  /**
   * Imports without the blobs that are there. Should that not do (one was collected meanwhile), once more
   * with all of them; and when that does not do either, without those in the store that have rotted:
   * containerd does not take again what it has.
   */
  async #ship(shipments: Shipment[], makeTar: MakeTar): Promise<void> {
    if (shipments.length === 0) return;
    const needed = blobsOf(shipments.map(({ image }) => image)).map(({ digest }) => digest);
    const omitted = needed.filter((digest) => this.#have.has(digest));
    try {
      await this.#attempt(shipments, makeTar, this.#have);
    } catch (error) {
      if (omitted.length === 0 || this.#isFinal(error)) throw error;
      const why = causeChain(error)[0] ?? '';
      this.#settings.log?.(`${why}; importing again with every blob`);
      await this.#attempt(shipments, makeTar, new Set()).catch(async (again: unknown) => {
        if (this.#isFinal(again) || !(await this.#dropDamaged(omitted))) throw again;
        await this.#attempt(shipments, makeTar, new Set());
      });
    }
    for (const digest of needed) this.#have.add(digest);
  }

  /** Another attempt would end as this one did. */
  #isFinal(error: unknown): boolean {
    return error instanceof SourceBroken || this.#settings.signal?.aborted === true;
  }

  async #dropDamaged(needed: readonly string[]): Promise<boolean> {
    // Whatever of this release lacks a blob then gets it from the import that follows.
    const loading = new Set(this.#plan.images.map(({ image }) => image.manifest.digest));
    return (await dropDamaged({ ...this.#settings, needed, loading })).length > 0;
  }

  async #attempt(shipments: Shipment[], makeTar: MakeTar, omit: ReadonlySet<string>): Promise<void> {
    const { containerd, signal } = this.#settings;
    const staged = shipments.map((shipment) => ({ ...shipment, name: this.#stagingName(shipment.planned) }));
    const note = shipments.map(({ planned }) => planned.name).join(', ');
    const source = new Watched(makeTar(staged, omit), (bytes) => {
      this.#importedBytes += bytes;
      const { missingBytes } = this.#plan;
      this.#settings.onProgress?.(Math.min(this.#importedBytes, missingBytes), missingBytes, note);
    });
    try {
      await containerd.import(source, { signal });
    } catch (error) {
      if (source.broken !== undefined && signal?.aborted !== true) throw source.broken;
      throw error;
    }
    for (const { name, planned, image } of staged) {
      await this.#proveWhole(name, image, planned.name);
      await this.#nameImage(name, planned.name, image.manifest.digest);
    }
  }

  /** The name is pinned at once: what comes after it may take longer than kubelet leaves an image alone. */
  async #nameImage(from: string, name: string, digest: string): Promise<void> {
    const { containerd, log } = this.#settings;
    const old = this.#stored.get(name);
    const found = foundBefore(old, this.#stored, this.#settings.product);
    const kept = await keepMoved(containerd, old, digest, this.#settings, found);
    if (kept !== undefined) log?.(`${name} pointed to another image, which is kept as ${kept}`);
    await containerd.tag(from, name);
    await pinImage(containerd, name, this.#settings, kept === undefined ? found : undefined);
    this.#named += 1;
    const missing = this.#plan.images.filter(({ action }) => action !== 'none').length;
    if (this.#named === Math.ceil(missing / 2)) await this.#settings.onMidway?.();
  }

  #stagingName = ({ configDigest }: PlannedImage): string =>
    `${this.#stagingPrefix}${configDigest.replace('sha256:', '')}:import`;

  /**
   * The importer's exit code proves nothing: asks what its name leads to, and whether every blob of it is
   * there and unpacked.
   */
  async #proveWhole(staging: string, image: IndexImage, name: string): Promise<void> {
    const found = (await this.#settings.containerd.check(staging)).find((row) => row.name === staging);
    const why = incompleteness(found, image);
    if (why === undefined) return;
    throw new IvaapError('failed', `${name} was imported, but ${why}; its name was not changed`, {
      hint: `${sudo.ctr} images check name==${staging}`,
    });
  }

  /**
   * Ours and those of an earlier run that died; blobs under a real name stay. Its failure is no reason to
   * fail.
   */
  async #removeStaging(): Promise<void> {
    const { containerd, log } = this.#settings;
    try {
      const names = (await containerd.names()).map(({ name }) => name);
      await containerd.remove(names.filter((name) => name.startsWith(this.#stagingPrefix)));
    } catch (error) {
      log?.(`names of the import could not be removed: ${causeChain(error)[0] ?? ''}`);
    }
  }
}

function bySource(images: readonly PlannedImage[]): [DiskSource, PlannedImage[]][] {
  const groups = new Map<string, [DiskSource, PlannedImage[]]>();
  for (const image of images) {
    if (image.source === undefined) continue;
    const group = groups.get(image.source.path) ?? [image.source, []];
    group[1].push(image);
    groups.set(image.source.path, group);
  }
  return [...groups.values()];
}

function incompleteness(found: CheckedImage | undefined, image: IndexImage): string | undefined {
  if (found === undefined) return 'the container runtime does not have it';
  if (found.digest !== image.manifest.digest) {
    return `the container runtime has ${found.digest} instead of ${image.manifest.digest}`;
  }
  if (!found.complete) return 'blobs of it are missing';
  return found.unpacked ? undefined : 'it is not unpacked';
}
