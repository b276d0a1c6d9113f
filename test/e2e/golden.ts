import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sourcesKey } from './executables.ts';
import { explain } from './failure-report.ts';
import type { TestHost } from './host.ts';
import { fqdn } from './host.ts';
import { snapshotFolder } from '../lab/paths.ts';
import { withStore } from '../lab/store.ts';
import { sampleWells } from './wells.ts';

const keptMs = 3 * 60 * 60_000;
const licenseFile = '/root/license.json';

/** Grants one of the two connectors. */
export const licenseText = readFileSync(
  join(import.meta.dirname, '../../payload-spec/sample/licenses/witsml-only.json'),
  'utf8',
);

async function upgrade(host: TestHost, version: string): Promise<void> {
  const result = await host.ivaap(version, ['install', '--upgrade', '--yes']);
  if (result.code !== 0) throw new Error(await explain(host, `upgrade to ${version}`, result));
  await host.untilHealthy();
}

async function install(host: TestHost, version: string): Promise<void> {
  await host.writeFile(licenseFile, licenseText, '0600');
  const argv = ['install', '--fqdn', fqdn, '--license', licenseFile, '--yes'];
  const result = await host.ivaap(version, argv);
  if (result.code !== 0) throw new Error(await explain(host, `install of ${version}`, result));
  await host.untilHealthy();
}

interface Golden {
  /** What it grows from; undefined is a bare node. */
  from?: GoldenName;
  make: (host: TestHost) => Promise<void>;
}

export type GoldenName = 'bare' | 'installed-2025.9' | 'installed-2026.1' | 'upgraded-2026.2';

/**
 * Hosts that tests start from: each is made once for each state of the sources, by the built executable
 * itself.
 */
export const goldens: Record<GoldenName, Golden> = {
  bare: { make: async () => {} },
  'installed-2025.9': { from: 'bare', make: (host) => install(host, '2025.9') },
  'installed-2026.1': {
    from: 'bare',
    make: async (host) => {
      await install(host, '2026.1');
      await host.wells.add(sampleWells(1000));
    },
  },
  // With rows that came after the dump.
  'upgraded-2026.2': {
    from: 'installed-2026.1',
    make: async (host) => {
      await upgrade(host, '2026.2');
      await host.wells.add(sampleWells(1020).slice(1000));
    },
  },
};

/** Name of the snapshot that holds a golden host; it names the sources that made it. */
export function snapshotName(name: GoldenName): string {
  const recipe = createHash('sha256')
    .update(`${sourcesKey()} ${goldens[name].make}`)
    .digest('hex')
    .slice(0, 8);
  return `e2e-${name.replaceAll('.', '-')}-${recipe}`;
}

/**
 * Whether the snapshot is kept; older ones of the same host, made from other sources, are removed when it is
 * not.
 */
export function findSnapshot(name: GoldenName): Promise<boolean> {
  return withStore(async () => {
    const snapshot = snapshotName(name);
    const folder = snapshotFolder('');
    const kept = existsSync(folder) ? readdirSync(folder) : [];
    if (kept.includes(snapshot)) return true;
    const older = kept.filter((other) => other.startsWith(snapshot.slice(0, -8)));
    const ageMs = (other: string) => Date.now() - statSync(join(folder, other)).ctimeMs;
    const byAge = older.sort((a, b) => ageMs(a) - ageMs(b));
    // A young one may be in use by another checkout.
    for (const other of byAge.slice(1).filter((name) => ageMs(name) > keptMs)) {
      rmSync(join(folder, other), { recursive: true });
    }
    return false;
  });
}
