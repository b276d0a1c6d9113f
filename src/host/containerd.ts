import { createHash } from 'node:crypto';
import { IvaapError } from '../errors.ts';
import { isObject, jsonAnswer, linesAnswer } from './answer.ts';
import { programFailure } from './program-failure.ts';
import type { Runner, RunOptions, RunResult } from './runner.ts';

/** One name in containerd's image store; several names may lead to the same image. */
export interface StoredImage {
  name: string;
  /** Of what the name leads to: a manifest, or an index. */
  digest: string;
  mediaType: string;
  labels: Record<string, string>;
}

export interface CheckedImage {
  name: string;
  digest: string;
  /** All of its blobs for this platform are in the content store. */
  complete: boolean;
  unpacked: boolean;
}

/**
 * A blob in the content store, and the blobs that it names: a manifest's are its configuration and layers.
 */
export interface StoredBlob {
  digest: string;
  names: string[];
}

/** A container that runs, through CRI. */
export interface RuntimeContainer {
  namespace: string;
  pod: string;
  /** Image ID. */
  imageId: string;
  /** The image as the pod names it; undefined where CRI does not say. */
  imageName: string | undefined;
}

/** An image as kubelet sees it, through CRI. */
export interface RuntimeImage {
  /** Image ID: digest of the configuration. */
  id: string;
  repoTags: string[];
  repoDigests: string[];
  /** Kept by kubelet's image garbage collection. */
  pinned: boolean;
}

export interface ContainerdSettings {
  /** Absolute path of the `k3s` program. */
  k3s: string;
  /** Absolute path of containerd's socket. */
  socket: string;
}

/** containerd of this node in Kubernetes' namespace, through `k3s ctr` and `k3s crictl`. */
export interface Containerd {
  names(): Promise<StoredImage[]>;
  /**
   * What is there of each image, unpacked for the snapshotter that CRI starts containers from; `name` limits
   * the answer to one.
   */
  check(name?: string): Promise<CheckedImage[]>;
  runtimeImages(): Promise<RuntimeImage[]>;
  /** The folder with all that it stores; undefined where it does not say. */
  root(): Promise<string | undefined>;
  /** Containers that run now. */
  runtimeContainers(): Promise<RuntimeContainer[]>;
  /** Digests of all blobs in the content store. */
  blobs(): Promise<Set<string>>;
  /** A small blob, e.g. a manifest; undefined when it is not there. */
  blob(digest: string): Promise<string | undefined>;
  /** All blobs with what they name. */
  storedBlobs(): Promise<StoredBlob[]>;
  /** SHA-256 of a blob's bytes as they are in the content store; undefined when there is no such blob. */
  hashOf(digest: string, options?: { signal?: AbortSignal }): Promise<string | 'unreadable' | undefined>;
  /** Takes blobs out of the content store, bytes and all: what still names them lacks them then. */
  dropBlobs(digests: readonly string[]): Promise<void>;
  /**
   * Feeds an uncompressed OCI or Docker tar to the importer. A source that fails kills the import before it
   * sees an end. Its success proves nothing: `check` what it left.
   */
  import(tar: AsyncIterable<Uint8Array>, options?: { signal?: AbortSignal }): Promise<void>;
  /** Makes `to` lead where `from` leads, at once, whatever it led to before. */
  tag(from: string, to: string): Promise<void>;
  /** An empty value takes a label away. */
  label(name: string, labels: Record<string, string>): Promise<void>;
  /** Removes names, not blobs that others lead to. No failure for a name that is not there. */
  remove(names: readonly string[]): Promise<void>;
}

const namespace = 'k8s.io';
const queryTimeoutMs = 120_000;

export function createContainerd(runner: Runner, settings: ContainerdSettings): Containerd {
  const base = [settings.k3s, 'ctr', '--address', settings.socket, '--namespace', namespace] as const;
  const ctr = (args: readonly string[], options: RunOptions = {}): Promise<RunResult> =>
    runner.run([...base, ...args], {
      label: `k3s ctr ${args.slice(0, 2).join(' ')}`,
      timeoutMs: queryTimeoutMs,
      ...options,
    });

  const endpoint = `unix://${settings.socket}`;
  const crictl = async (...args: string[]): Promise<Record<string, unknown>> => {
    const endpoints = [`--runtime-endpoint=${endpoint}`, `--image-endpoint=${endpoint}`];
    const argv = [settings.k3s, 'crictl', ...endpoints, ...args, '--output=json'] as const;
    const { stdout } = await runner.run([...argv], { timeoutMs: queryTimeoutMs });
    return jsonAnswer<Record<string, unknown>>(`crictl ${args.join(' ')}`, stdout, isObject);
  };
  /** A list may be null where it is empty; an answer without it is another one's. */
  const crictlList = async <T>(verb: string, key: string): Promise<T[]> => {
    const answer = (await crictl(verb))[key];
    if (answer === null) return [];
    if (Array.isArray(answer)) return answer as T[];
    throw new IvaapError('failed', `the output of crictl ${verb} has no ${key}`);
  };
  let asked: Promise<string | undefined> | undefined;
  /** The snapshotter that CRI unpacks to and starts from. A failed answer is none, and asked again. */
  const snapshotter = (): Promise<string | undefined> =>
    (asked ??= crictl('imagefsinfo').then(snapshotterOf, (error: unknown) => {
      asked = undefined;
      throw error;
    }));

  return {
    async names() {
      const { stdout } = await ctr(['images', 'list']);
      return rows(linesAnswer('ctr images list', stdout, /^REF\s/)).map((row) => {
        const [name = '', mediaType = '', digest = ''] = row;
        return { name, mediaType, digest, labels: labelsOf(row.at(-1) ?? '') };
      });
    },
    async check(name) {
      // One image that cannot be checked makes the whole answer exit 1; the table is complete all the same.
      const filter = name === undefined ? [] : [`name==${name}`];
      const unpackedFor = await snapshotter();
      const flags = unpackedFor === undefined ? [] : ['--snapshotter', unpackedFor];
      const { stdout } = await ctr(['images', 'check', ...flags, ...filter], { okCodes: [0, 1] });
      // None of that name is an answer: it is loaded.
      const whole = stdout === '' ? '' : linesAnswer('ctr images check', stdout, /^REF\s/);
      return rows(whole).map((row) => {
        const [imageName = '', , digest = '', status = ''] = row;
        return {
          name: imageName,
          digest,
          complete: status === 'complete',
          unpacked: row.at(-1) === 'true',
        };
      });
    },
    async root() {
      const { config } = (await crictl('info')) as { config?: { containerdRootDir?: string } };
      return config?.containerdRootDir;
    },
    async runtimeImages() {
      const images = await crictlList<Partial<RuntimeImage>>('images', 'images');
      return images.map(({ id = '', repoTags, repoDigests, pinned }) => ({
        id,
        repoTags: repoTags ?? [],
        repoDigests: repoDigests ?? [],
        pinned: pinned === true,
      }));
    },
    async runtimeContainers() {
      const containers = await crictlList<CriContainer>('ps', 'containers');
      return containers.map(({ labels, image, imageRef }) => ({
        namespace: labels?.['io.kubernetes.pod.namespace'] ?? '',
        pod: labels?.['io.kubernetes.pod.name'] ?? '',
        imageId: imageRef ?? image?.image ?? '',
        imageName: image?.userSpecifiedImage === '' ? undefined : image?.userSpecifiedImage,
      }));
    },
    async blobs() {
      const { stdout } = await ctr(['content', 'list', '--quiet']);
      // None is an answer: what is missing is loaded.
      const whole = stdout === '' ? '' : linesAnswer('ctr content list', stdout, /^(sha\d+:|\n)/);
      return new Set(whole.split('\n').filter((line) => line.startsWith('sha256:')));
    },
    async blob(digest) {
      try {
        return (await ctr(['content', 'get', digest], { maxStdoutBytes: 8 * 1024 * 1024 })).stdout;
      } catch (error) {
        if (/not found/.test(programFailure(error)?.stderr ?? '')) return undefined;
        throw error;
      }
    },
    async storedBlobs() {
      const { stdout } = await ctr(['content', 'list']);
      // The age before the labels is several words.
      return rows(linesAnswer('ctr content list', stdout, /^DIGEST\s/)).map((row) => ({
        digest: row[0] ?? '',
        names: Object.entries(labelsOf(row.at(-1) ?? '')).flatMap(([key, value]) =>
          key.startsWith('containerd.io/gc.ref.content') ? [value] : [],
        ),
      }));
    },
    async hashOf(digest, { signal } = {}) {
      const hash = createHash('sha256');
      try {
        await ctr(['content', 'get', digest], {
          signal,
          // Layers are large, and a disk that rots may be slow.
          timeoutMs: 20 * queryTimeoutMs,
          stdout: async (stream) => {
            for await (const piece of stream as AsyncIterable<Buffer>) hash.update(piece);
          },
        });
      } catch (error) {
        const failure = programFailure(error);
        // A late answer says nothing of the bytes.
        if (signal?.aborted === true || failure?.reason !== 'exit') throw error;
        return /not found/.test(failure.stderr) ? undefined : 'unreadable';
      }
      return `sha256:${hash.digest('hex')}`;
    },
    async dropBlobs(digests) {
      await ctr(['content', 'delete', ...digests], { stdoutIsText: true });
      // What is only marked as gone would be found again by the next import; the end of a lease makes
      // containerd collect at once.
      const lease = `collect-${process.pid}`;
      await ctr(['leases', 'create', '--id', lease], { stdoutIsText: true });
      await ctr(['leases', 'delete', '--sync', lease], { stdoutIsText: true });
    },
    async import(tar, options = {}) {
      const unpackedFor = await snapshotter();
      // The importer's own way unpacks to containerd's default alone.
      const other = unpackedFor === undefined || unpackedFor === defaultSnapshotter;
      const flags = other ? [] : ['--local', '--snapshotter', unpackedFor];
      await runner.run([...base, 'images', 'import', ...flags, '-'], {
        label: 'k3s ctr images import',
        stdoutIsText: true,
        ...options,
        stdin: tar,
      });
    },
    async tag(from, to) {
      await ctr(['images', 'tag', '--force', from, to], { stdoutIsText: true });
    },
    async label(name, labels) {
      await ctr([
        'images',
        'label',
        name,
        ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
      ]);
    },
    async remove(names) {
      if (names.length > 0) await ctr(['images', 'remove', ...names], { stdoutIsText: true });
    },
  };
}

interface CriContainer {
  labels?: Record<string, string>;
  image?: { image?: string; userSpecifiedImage?: string };
  imageRef?: string;
}

const defaultSnapshotter = 'overlayfs';

/**
 * CRI names the folders of its snapshotters; with several, pods start from the default one unless they ask
 * for another.
 */
function snapshotterOf(answer: unknown): string | undefined {
  const { status } = answer as { status?: { imageFilesystems?: { fsId?: { mountpoint?: string } }[] } };
  const names = (status?.imageFilesystems ?? []).flatMap(({ fsId }) => {
    const name = /\/io\.containerd\.snapshotter\.v1\.([A-Za-z0-9_-]+)\/?$/.exec(fsId?.mountpoint ?? '')?.[1];
    return name === undefined ? [] : [name];
  });
  return names.includes(defaultSnapshotter) ? defaultSnapshotter : names.sort()[0];
}

/** A table of ctr's without its heading, cut at blanks. */
function rows(table: string): string[][] {
  return table
    .split('\n')
    .slice(1)
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
}

/** `key=value,key=value`, or `-` for none. */
function labelsOf(column: string): Record<string, string> {
  const pairs = column.split(',').map((pair) => pair.split('='));
  return Object.fromEntries(pairs.filter(({ length }) => length === 2) as [string, string][]);
}
