import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sampleCacheFolder } from './cache.ts';

/**
 * The file of the key that signs the sample's releases: made once per machine and kept with the sample's
 * other parts, never in the repository, so that all releases on a machine are one vendor's and the same
 * sources give the same bytes in every checkout.
 */
export function sampleKeyFile(): string {
  const folder = join(sampleCacheFolder(), 'keys');
  const path = join(folder, 'vendor.pem');
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = join(folder, `.${randomUUID()}`);
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(made, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  try {
    linkSync(made, path);
  } catch (error) {
    // Somebody else was faster: that key counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(made);
  }
  return path;
}
