import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprintOfKey, readSigningKeys } from '../../build/signing.ts';
import { sampleKeyFile } from '../../payload-spec/sample/signing-key.ts';
import { cacheFolder } from '../lab/paths.ts';
import { locked, run } from '../lab/process.ts';

/**
 * The real executables, one a release, built once for each state of the sources and kept outside the
 * checkout.
 */

const root = join(import.meta.dirname, '..', '..');
const builds = join(cacheFolder, 'e2e');

let key: string | undefined;

/**
 * Names the state of everything that an executable is made from, and the key that signs it: a host keeps to
 * the key that it knows.
 */
export function sourcesKey(): string {
  const patterns = ['src/**/*', 'build/**/*', 'payload-spec/**/*', 'package-lock.json', 'sea-config.json'];
  key ??= createHash('sha256')
    .update(filesHash(patterns))
    .update(fingerprintOfKey(sampleKeys().key))
    .digest('hex')
    .slice(0, 16);
  return key;
}

function sampleKeys() {
  return readSigningKeys({ key: sampleKeyFile() }, { environment: {}, specFolder: root })!;
}

/** SHA-256, hex, over names and contents of the checkout's files that match. */
export function filesHash(patterns: readonly string[]): string {
  const hash = createHash('sha256');
  const files = globSync(patterns, { cwd: root, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map((file) => join(file.parentPath, file.name)).sort()) {
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  }
  return hash.digest('hex');
}

/**
 * The executable of a release, as a vendor would hand it out. The first caller builds it, others wait for it.
 */
export async function executable(version: string): Promise<string> {
  const folder = join(builds, sourcesKey());
  const path = join(folder, version, 'ivaap');
  if (existsSync(path)) return path;
  await mkdir(folder, { recursive: true });
  return locked('e2e-build', async () => {
    if (existsSync(path)) return path;
    await forgetOldBuilds();
    const scratch = await mkdtemp(join(folder, '.building-'));
    try {
      const empty = join(folder, 'empty');
      if (!existsSync(empty)) {
        await node('build/build.ts', '-o', join(scratch, 'empty'));
        await rename(join(scratch, 'empty'), empty);
      }
      const spec = (await node('payload-spec/sample/build.ts', version)).trim().split('\n').at(-1) ?? '';
      await mkdir(join(scratch, version));
      const output = join(scratch, version, 'ivaap');
      const args = ['--executable', empty, '--key', sampleKeyFile()];
      await node('build/pack.ts', spec, '-o', output, ...args);
      await rename(join(scratch, version), join(folder, version));
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    return path;
  });
}

async function node(script: string, ...args: string[]): Promise<string> {
  return run(process.execPath, [join(root, script), ...args]);
}

const keptBuilds = 3;
const keptMs = 3 * 60 * 60_000;

/**
 * A build is some hundred megabytes: only the last few states of the sources are kept, and those that another
 * checkout may be using.
 */
async function forgetOldBuilds(): Promise<void> {
  const now = new Date();
  await utimes(join(builds, sourcesKey()), now, now);
  const folders = globSync('*/', { cwd: builds, withFileTypes: true }).filter((entry) => entry.isDirectory());
  const byAge = folders
    .map(({ name }) => ({ name, at: statSync(join(builds, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { name, at } of byAge.slice(keptBuilds)) {
    if (now.getTime() - at > keptMs) await rm(join(builds, name), { recursive: true });
  }
}
