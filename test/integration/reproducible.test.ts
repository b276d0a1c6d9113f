import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { Dirent } from 'node:fs';
import {
  accessSync,
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  opendirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openPayload } from '../../src/payload/open-payload.ts';
import { docker24Archive } from '../fixtures/image-archives.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { tinyImages, writeTinySpec } from '../fixtures/tiny-payload.ts';

/**
 * Two builds and packs of the same sources, with everything different that a machine may bring in: folder,
 * its length and its file system, order of folder entries, user, umask, time zone, locale, working folder,
 * home. The same bytes come out.
 */

const root = join(import.meta.dirname, '../..');
const nobody = 65534;
const isRoot = process.getuid?.() === 0;
let scratch: string;
/** A folder in memory where there is one: another file system lists its folders in another order. */
let memory: string;

before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'reproducible-'));
  let elsewhere = tmpdir();
  try {
    accessSync('/dev/shm', constants.W_OK);
    elsewhere = '/dev/shm';
  } catch {
    // No such file system here: the order of creation still differs.
  }
  memory = mkdtempSync(join(elsewhere, 'reproducible-memory-'));
  // The other user has to come through.
  for (const folder of [scratch, memory]) chmodSync(folder, 0o755);
});
after(() => {
  for (const folder of [scratch, memory]) rmSync(folder, { recursive: true, force: true });
});

/** Copies a tree, a folder's entries in this order. */
function copyTree(from: string, to: string, order: (a: Dirent, b: Dirent) => number): void {
  if (lstatSync(from).isFile()) return copyFileSync(from, to);
  mkdirSync(to, { recursive: true });
  for (const { name } of readdirSync(from, { withFileTypes: true }).sort(order))
    copyTree(join(from, name), join(to, name), order);
}
const forwards = (a: Dirent, b: Dirent) => (a.name < b.name ? -1 : 1);
const backwards = (a: Dirent, b: Dirent) => forwards(b, a);

function giveTo(uid: number, path: string): void {
  chownSync(path, uid, uid);
  for (const { name, parentPath } of readdirSync(path, { recursive: true, withFileTypes: true }))
    if (!lstatSync(join(parentPath, name)).isSymbolicLink()) chownSync(join(parentPath, name), uid, uid);
}

/** A folder's entries as the file system lists them; readdir would sort them. */
function rawOrder(folder: string): string[] {
  const names: string[] = [];
  const open = opendirSync(folder);
  for (let entry = open.readSync(); entry !== null; entry = open.readSync()) names.push(entry.name);
  open.closeSync();
  return names;
}

interface Place {
  sources: string;
  spec: string;
  order: (a: Dirent, b: Dirent) => number;
  umask: string;
  uid?: number;
  cwd: (sources: string) => string;
  env: Record<string, string>;
}

/** Builds and packs there; returns the packed file's path. */
async function buildAndPack(place: Place, original: string): Promise<string> {
  const { sources, spec, order, umask, uid, cwd, env } = place;
  mkdirSync(sources, { recursive: true });
  for (const name of ['package.json', 'sea-config.json', 'tsconfig.json', 'build', 'src'])
    copyTree(join(root, name), join(sources, name), order);
  symlinkSync(realpathSync(join(root, 'node_modules')), join(sources, 'node_modules'));
  copyTree(original, spec, order);
  if (uid !== undefined) for (const folder of [sources, spec]) giveTo(uid, folder);
  const script = (name: string, ...args: string[]) =>
    runProgram(
      [
        'sh',
        '-c',
        `umask ${umask}; exec "$@"`,
        'sh',
        process.execPath,
        join(sources, 'build', name),
        ...args,
      ],
      { cwd: cwd(sources), env, ...(uid === undefined ? {} : { uid }) },
    );
  const built = await script('build.ts');
  assert.equal(built.exitCode, 0, built.stderr);
  const output = join(sources, 'dist/packed');
  const packed = await script(
    'pack.ts',
    join(spec, 'release.yaml'),
    '-o',
    output,
    '--executable',
    join(sources, 'dist/ivaap'),
  );
  assert.equal(packed.exitCode, 0, packed.stderr);
  assert.equal(statSync(output).mode & 0o777, 0o755);
  assert.ok(!readdirSync(dirname(output)).some((name) => /partial|unpacked/.test(name)));
  return output;
}

const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

test('the same sources give the same bytes, wherever, by whomever and under whichever settings they are built and packed', async () => {
  const original = join(scratch, 'original');
  mkdirSync(original);
  const [server] = tinyImages('2026.1');
  const archive = gzipSync(await docker24Archive([server!]));
  writeTinySpec(original, {
    editSpec: (spec) => {
      const [first] = spec['images'] as { ociLayout?: string; archive?: string }[];
      delete first!.ociLayout;
      first!.archive = 'server.tar.gz';
    },
    editFiles: (folder) => {
      writeFileSync(join(folder, 'server.tar.gz'), archive);
      // Names that a locale sorts otherwise than their bytes.
      for (const name of ['B.txt', 'a.txt', '_c.txt', 'I.txt', 'i-1.txt', 'z/A.txt', 'z/b.txt', 'Z.txt']) {
        mkdirSync(join(folder, 'chart', name, '..'), { recursive: true });
        writeFileSync(join(folder, 'chart', name), name);
      }
    },
  });
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const first = await buildAndPack(
    {
      sources: join(scratch, 'one'),
      spec: join(scratch, 'one-spec'),
      order: forwards,
      umask: '022',
      cwd: (sources) => sources,
      env: { TZ: 'UTC', LANG: 'C', HOME: scratch, IVAAP_SIGNING_KEY: key },
    },
    original,
  );
  const second = await buildAndPack(
    {
      sources: join(scratch, 'another folder/with a longer path/İ'),
      spec: join(memory, 'spec'),
      order: backwards,
      umask: '077',
      ...(isRoot ? { uid: nobody } : {}),
      cwd: () => '/',
      env: {
        TZ: 'Pacific/Kiritimati',
        LANG: 'tr_TR.UTF-8',
        LC_ALL: 'tr_TR.UTF-8',
        HOME: '/nonexistent',
        IVAAP_SIGNING_KEY: key,
      },
    },
    original,
  );
  const [one, two] = [join(scratch, 'one-spec/chart'), join(memory, 'spec/chart')];
  // Seen, not hoped for: on two file systems the same folder is listed in two orders.
  if (statSync(one).dev !== statSync(two).dev) assert.notDeepEqual(rawOrder(one), rawOrder(two));
  assert.equal(digest(join(first, '../ivaap')), digest(join(second, '../ivaap')), 'the empty executable');
  const archives = await Promise.all(
    [first, second].map(async (path) => {
      const payload = await openPayload(path);
      const found = (await payload.index()).archives.map(({ name, sha256 }) => `${name} ${sha256}`);
      await payload.close();
      return found;
    }),
  );
  assert.deepEqual(archives[0], archives[1]);
  assert.match(archives[0]!.join('\n'), /docker-images\.tar\.gz [0-9a-f]{64}/);
  assert.equal(digest(first), digest(second), 'the packed file');
});
