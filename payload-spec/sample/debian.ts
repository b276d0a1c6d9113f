import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { extract } from 'tar-stream';
import { cached } from './cache.ts';
import { sha256 } from './layer.ts';
import type { LayerEntry } from './layer.ts';

const run = promisify(execFile);
/** The suite of Debian that has that major version of PostgreSQL. */
const suites: Record<number, string> = { 15: 'bookworm', 17: 'trixie' };
const libraryFolder = 'usr/lib/x86_64-linux-gnu';

/**
 * Files of the unpacked packages by path, with `/lib`, `/bin` and `/sbin` merged into `/usr` as on an
 * installed Debian.
 */
export type DebianRoot = Map<string, LayerEntry>;

const mergedPath = (path: string) =>
  path.replace(/^\.?\//, '').replace(/^(lib64|lib|bin|sbin)(?=\/)/, 'usr/$1');

/** Unpacks the packages once per set of packages; no maintainer script runs, so users are ours to add. */
async function debianTar(postgresMajor: number): Promise<string> {
  const suite = suites[postgresMajor];
  if (suite === undefined) throw new Error(`no suite of Debian is known for PostgreSQL ${postgresMajor}`);
  const packages = ['busybox-static', 'libstdc++6', `postgresql-${postgresMajor}`, 'tzdata'];
  const key = sha256(JSON.stringify([suite, packages])).slice(7, 23);
  const folder = await cached('debian', key, async (scratch) => {
    const target = join(scratch, 'root.tar');
    await run('mmdebstrap', ['--variant=extract', `--include=${packages.join(',')}`, suite, target], {
      maxBuffer: 1 << 26,
    });
  });
  return join(folder, 'root.tar');
}

/** Reads the wanted part of the root; documentation, locales, Perl and the JIT compiler never get in. */
export async function readDebianRoot(postgresMajor: number): Promise<DebianRoot> {
  const unwanted =
    /^(usr\/share\/(doc|man|locale|i18n|perl|perl5|info|lintian|bug)\/|var\/|dev\/|etc\/|usr\/lib\/x86_64-linux-gnu\/(perl|gconv|libLLVM|libz3)|.*\/bitcode\/)/;
  const root: DebianRoot = new Map();
  const entries = extract();
  createReadStream(await debianTar(postgresMajor)).pipe(entries);
  for await (const entry of entries) {
    const { name, type, mode, linkname } = entry.header;
    const path = mergedPath(name).replace(/\/$/, '');
    if ((type !== 'file' && type !== 'symlink') || unwanted.test(path)) {
      entry.resume();
      continue;
    }
    const content = await buffer(entry);
    if (type === 'file') root.set(path, { path, type, content, mode: mode ?? 0o644 });
    else root.set(path, { path, type, target: linkname ?? '', mode: 0o777 });
  }
  return root;
}

/** The shared libraries that an ELF file names. */
async function neededLibraries(content: Buffer): Promise<string[]> {
  if (content.readUInt32BE(0) !== 0x7f454c46) return [];
  const scratch = await mkdtemp(join(tmpdir(), 'ivaap-elf-'));
  try {
    await writeFile(join(scratch, 'elf'), content);
    const { stdout } = await run('readelf', ['-d', join(scratch, 'elf')]);
    return [...stdout.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1] as string);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The entries at `paths` with the links on the way and every shared library that they need, recursively. */
export async function withLibraries(
  root: DebianRoot,
  paths: readonly string[],
): Promise<Map<string, LayerEntry>> {
  const found = new Map<string, LayerEntry>();
  const queue = [...paths];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    if (found.has(path)) continue;
    const entry = root.get(path);
    if (!entry) throw new Error(`the Debian packages hold no ${path}`);
    found.set(path, entry);
    if (entry.type === 'symlink') {
      const target = posix.resolve('/', posix.dirname(path), entry.target ?? '').slice(1);
      queue.push(mergedPath(target));
    } else {
      const names = await neededLibraries(entry.content ?? Buffer.alloc(4));
      queue.push(...names.map((name) => `${libraryFolder}/${name}`));
    }
  }
  return found;
}
