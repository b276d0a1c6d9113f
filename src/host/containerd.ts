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
  /** What is there of each image; `name` limits the answer to one. */
  check(name?: string): Promise<CheckedImage[]>;
  runtimeImages(): Promise<RuntimeImage[]>;
  /** The folder with all that it stores; undefined where it does not say. */
  root(): Promise<string | undefined>;
  /** Digests of all blobs in the content store. */
  blobs(): Promise<Set<string>>;
  /** A small blob, e.g. a manifest; undefined when it is not there. */
  blob(digest: string): Promise<string | undefined>;
  /**
   * Feeds an uncompressed OCI or Docker tar to the importer. A source that fails kills the import before it sees an end.
   * Its success proves nothing: `check` what it left.
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
  const crictl = (args: readonly string[]): Promise<RunResult> =>
    runner.run(
      [settings.k3s, 'crictl', `--runtime-endpoint=${endpoint}`, `--image-endpoint=${endpoint}`, ...args],
      { timeoutMs: queryTimeoutMs },
    );

  return {
    async names() {
      const { stdout } = await ctr(['images', 'list']);
      return rows(stdout).map((row) => {
        const [name = '', mediaType = '', digest = ''] = row;
        return { name, mediaType, digest, labels: labelsOf(row.at(-1) ?? '') };
      });
    },
    async check(name) {
      // One image that cannot be checked makes the whole answer exit 1; the table is complete all the same.
      const filter = name === undefined ? [] : [`name==${name}`];
      const { stdout } = await ctr(['images', 'check', ...filter], { okCodes: [0, 1] });
      return rows(stdout).map((row) => {
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
      const { config } = JSON.parse((await crictl(['info'])).stdout) as {
        config?: { containerdRootDir?: string };
      };
      return config?.containerdRootDir;
    },
    async runtimeImages() {
      const { stdout } = await crictl(['images', '--output=json']);
      const { images } = JSON.parse(stdout) as { images?: Partial<RuntimeImage>[] };
      return (images ?? []).map(({ id = '', repoTags, repoDigests, pinned }) => ({
        id,
        repoTags: repoTags ?? [],
        repoDigests: repoDigests ?? [],
        pinned: pinned === true,
      }));
    },
    async blobs() {
      const { stdout } = await ctr(['content', 'list', '--quiet']);
      return new Set(stdout.split('\n').filter((line) => line.startsWith('sha256:')));
    },
    async blob(digest) {
      try {
        return (await ctr(['content', 'get', digest], { maxStdoutBytes: 8 * 1024 * 1024 })).stdout;
      } catch (error) {
        if (/not found/.test(programFailure(error)?.stderr ?? '')) return undefined;
        throw error;
      }
    },
    async import(tar, options = {}) {
      await runner.run([...base, 'images', 'import', '-'], {
        label: 'k3s ctr images import',
        stdoutIsWords: true,
        ...options,
        stdin: tar,
      });
    },
    async tag(from, to) {
      await ctr(['images', 'tag', '--force', from, to], { stdoutIsWords: true });
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
      if (names.length > 0) await ctr(['images', 'remove', ...names], { stdoutIsWords: true });
    },
  };
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
