import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { readRegularText } from './regular-file.ts';
import { IvaapError } from '../errors.ts';
import { k3sPlaces, shellWord } from '../shell-word.ts';
import type { Runner } from './runner.ts';
import { assertSafePath } from './safe-path.ts';

export interface K3s {
  /** Absolute path of the `k3s` program. */
  path: string;
  /** As printed: `v1.34.4+k3s1`. */
  version: string;
}

/** k3s may live elsewhere than in its usual places: then its service says where. */
const serviceFiles = [
  '/etc/systemd/system/k3s.service',
  '/usr/lib/systemd/system/k3s.service',
  '/lib/systemd/system/k3s.service',
];

/** Finds k3s and asks its version. Throws as {@link locateK3s}. */
export async function findK3s(runner: Runner): Promise<K3s> {
  const path = await locateK3s();
  const { stdout } = await runner.run([path, '--version'], { timeoutMs: 20_000 });
  const version = /\bv\d+\.\d+\.\d+\S*/.exec(stdout)?.[0];
  if (version === undefined) {
    throw new IvaapError('preflight', `${path} --version prints no version`, {
      hint: `${shellWord(path)} --version`,
    });
  }
  return { path, version };
}

/**
 * Absolute path of k3s. Throws 'preflight' when this host has none, or one that others than root can change.
 */
export async function locateK3s(): Promise<string> {
  for (const path of [...k3sPlaces, ...(await pathsFromServices())]) {
    const there = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!there) continue;
    await assertSafePath(path);
    return path;
  }
  throw new IvaapError(
    'preflight',
    'k3s is not installed on this host: ' +
      `it is at none of ${k3sPlaces.join(', ')}, and no systemd service starts it`,
    { hint: 'install k3s ("k3s is not installed" in docs/operators.md), then run the same command again' },
  );
}

const registriesFile = '/etc/rancher/k3s/registries.yaml';

/** Registries that k3s asks elsewhere, `*` for all of them: images of theirs may be pulled. */
export async function mirroredRegistries(path = registriesFile): Promise<string[]> {
  const text = await readRegularText(path).catch(() => '');
  const { default: yaml } = await import('yaml');
  try {
    const { mirrors } = (yaml.parse(text) ?? {}) as { mirrors?: Record<string, unknown> | null };
    return Object.keys(mirrors ?? {});
  } catch {
    return [];
  }
}

async function pathsFromServices(): Promise<string[]> {
  const paths: string[] = [];
  for (const file of serviceFiles) {
    const text = await readRegularText(file).catch(() => '');
    const path = /^ExecStart=[-@:+!]*(\/\S+)/m.exec(text)?.[1];
    if (path !== undefined) paths.push(path);
  }
  return paths;
}
