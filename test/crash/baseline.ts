import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableChecksums } from '../e2e/database.ts';
import { sourcesKey } from '../e2e/executables.ts';
import { findSnapshot, licenseText, snapshotName } from '../e2e/golden.ts';
import type { GoldenName } from '../e2e/golden.ts';
import { assertExit, withHost } from '../e2e/harness.ts';
import type { TestHost } from '../e2e/host.ts';
import { cacheFolder, snapshotFolder } from '../lab/paths.ts';
import { locked } from '../lab/process.ts';
import { withStore } from '../lab/store.ts';
import type { GraphName } from './journal-places.ts';
import { commands, versions } from './kill.ts';
import { outcome, type Outcome } from './outcome.ts';
import { rehearsed } from './rehearsed.ts';
import { restored } from './restored.ts';
import { uninstalled } from './uninstalled.ts';

/** What a run that nobody disturbs starts from and ends with. */
export interface Baseline {
  /** Checksums of the database's tables before; none where there was no database. */
  tables: Record<string, string>;
  outcome: Outcome;
  seconds: number;
}

export const goldenOf: Record<GraphName, GoldenName> = {
  upgrade: 'installed-2026.1',
  install: 'bare',
  rollback: 'installed-2026.1',
  uninstall: 'installed-2026.1',
  restore: 'upgraded-2026.2',
  rehearse: 'installed-2026.1',
};

/** How the end of a graph is looked at. */
export function outcomeOf(graph: GraphName): (host: TestHost) => Promise<Outcome> {
  if (graph === 'uninstall') return uninstalled;
  if (graph === 'rehearse') return rehearsed;
  return graph === 'restore' ? restored : (host) => outcome(host, graph);
}

/** Longer than any run takes, killed or not, on a machine that does other things as well. */
export const placeMinutes = 10;

/** What the operator has at hand before the command is typed. */
export async function prepare(host: TestHost, graph: GraphName): Promise<void> {
  if (graph === 'install') await host.writeFile('/root/license.json', licenseText, '0600');
}

/**
 * Where a baseline is kept: it counts for these sources, this golden host and this way to look at the outcome
 * only.
 */
async function cachePath(graph: GraphName): Promise<string> {
  const snapshot = await withStore(async () => statSync(snapshotFolder(snapshotName(goldenOf[graph]))));
  const hash = createHash('sha256').update(`${sourcesKey()} ${snapshot.ino} ${snapshot.ctimeMs}`);
  for (const file of globSync('{outcome,uninstalled,restored,rehearsed,baseline}.ts', {
    cwd: import.meta.dirname,
  }).sort()) {
    hash.update(readFileSync(join(import.meta.dirname, file)));
  }
  return join(cacheFolder, 'crash', `${graph}-${hash.digest('hex').slice(0, 16)}.json`);
}

/** Computed once, by the first who asks. */
export function baseline(graph: GraphName): Promise<Baseline> {
  return locked(`crash-baseline-${graph}`, async () => {
    const path = (await findSnapshot(goldenOf[graph])) ? await cachePath(graph) : undefined;
    if (path !== undefined && existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Baseline;
    const made = await withHost(goldenOf[graph], placeMinutes, (host) => undisturbed(host, graph));
    await mkdir(join(cacheFolder, 'crash'), { recursive: true });
    const target = await cachePath(graph);
    await writeFile(`${target}.new`, JSON.stringify(made));
    await rename(`${target}.new`, target);
    return made;
  });
}

async function undisturbed(host: TestHost, graph: GraphName): Promise<Baseline> {
  await prepare(host, graph);
  const tables = graph === 'install' ? {} : await tableChecksums(host);
  const startedAt = performance.now();
  const result = await host.ivaap(versions[graph], commands[graph]);
  const seconds = (performance.now() - startedAt) / 1000;
  await assertExit(host, result, 0, 'the undisturbed run');
  return { tables, outcome: await outcomeOf(graph)(host), seconds };
}
