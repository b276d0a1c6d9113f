import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegularText } from '../host/regular-file.ts';
import type { LockHolder } from '../engine/lock.ts';
import { Redactor } from '../engine/redact.ts';
import { readState, type State } from '../engine/state.ts';
import { causeChain } from '../errors.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { readHolder } from '../host/lock.ts';
import { listPods } from '../host/pods.ts';
import { isAlive, isRoot } from '../host/system.ts';
import type { Product } from '../payload/product-schema.ts';
import { fqdnOf, probeRoute } from '../steps/health.ts';
import { readValuesFile } from '../steps/values_file.ts';
import { hideGenerated, hideValues } from './secrets_of_host.ts';
import {
  helmRecords,
  type Machine,
  openHost,
  type OpenedPayload,
  openOwnPayload,
  thisMachine,
} from './session.ts';

/** A part of the status that may be out of reach: nothing that cannot be read hides what can. */
export type Part<T> = { known: true; value: T } | { known: false; why: string };

export interface StatusReport {
  product: string;
  title: string;
  /** Of this executable. */
  payloadVersion: string;
  state: Part<State | null>;
  /** The run that is going on just now. */
  running: LockHolder | null;
  /** Folders of backups, newest last, with the files in each. */
  backups: Part<{ folder: string; files: string[] }[]>;
  /** The values overlay's text; null when there is none. */
  overlay: Part<{ path: string; text: string } | null>;
  release: Part<{ revision: number; status: string } | null>;
  pods: Part<PodReport[]>;
  health: Part<{ id: string; title: string; path: string; healthy: boolean; answer: string }[]>;
}

interface PodReport {
  name: string;
  phase: string;
  ready: boolean;
  restarts: number;
  trouble: string[];
  images: { image: string; imageId: string; ready: boolean }[];
}

/** Everything that can be known of the installation just now; works without a cluster and says what it could not read. */
export async function queryStatus(machine: Machine = thisMachine): Promise<StatusReport> {
  const opened = await openOwnPayload(machine);
  const redactor = new Redactor();
  try {
    const { product, release, paths } = opened;
    const [state, backups, overlay] = await Promise.all([
      part(async () => (await readState(paths.state)) ?? null),
      part(() => listBackups(paths.backups)),
      part(async () => readOverlay(paths.overlay)),
    ]);
    const holder = readHolder(paths.lock);
    return {
      running: holder !== undefined && isAlive(holder) ? holder : null,
      product: product.name,
      title: product.title,
      payloadVersion: release.version,
      state,
      backups,
      overlay,
      ...(await queryCluster(opened, redactor, machine)),
    };
  } finally {
    await opened.payload.close();
  }
}

async function part<T>(read: () => Promise<T>): Promise<Part<T>> {
  try {
    return { known: true, value: await read() };
  } catch (error) {
    const why = causeChain(error)[0] ?? 'it cannot be read';
    return { known: false, why: isRoot() ? why : `only root may read it (${why})` };
  }
}

async function listBackups(folder: string): Promise<{ folder: string; files: string[] }[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return Promise.all(
    names.sort().map(async (name) => ({
      folder: join(folder, name),
      files: (await readdir(join(folder, name))).sort(),
    })),
  );
}

async function readOverlay(path: string): Promise<{ path: string; text: string } | null> {
  try {
    return { path, text: await readRegularText(path) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

type ClusterParts = Pick<StatusReport, 'release' | 'pods' | 'health'>;

async function queryCluster(
  { product, paths }: OpenedPayload,
  redactor: Redactor,
  machine: Machine,
): Promise<ClusterParts> {
  const health = part(async () => {
    const values = await readValuesFile(paths.values);
    hideValues(product, values, redactor);
    return probeAll(product, fqdnOf(product, values));
  });
  const host = await part(() => openHost(product, redactor, { machine, emit: () => {} }));
  if (!host.known) return { release: host, pods: host, health: await health };
  const { kubectl } = host.value;
  // One question first: four unanswered ones would wait four times.
  const cluster = await part(() => kubectl.serverVersion({ timeoutMs: 5000 }));
  if (!cluster.known) return { release: cluster, pods: cluster, health: await health };
  const [release, pods] = await Promise.all([
    part(async () => (await helmRecords(kubectl, product)).at(-1) ?? null),
    part(() => queryPods(kubectl, product, redactor)),
  ]);
  return { release, pods, health: await health };
}

async function queryPods(kubectl: Kubectl, product: Product, redactor: Redactor): Promise<PodReport[]> {
  await hideGenerated(kubectl, product, redactor);
  const pods = await listPods(kubectl, { namespace: product.namespace });
  return pods.map(({ name, phase, ready, restarts, trouble, containers }) => ({
    name,
    phase,
    ready,
    restarts,
    trouble: trouble.map((line) => redactor.text(line)),
    images: containers.map(({ image, imageId, ready: up }) => ({ image, imageId, ready: up })),
  }));
}

function probeAll(product: Product, fqdn: string) {
  return Promise.all(
    product.health.map(async (route) => {
      const result = await probeRoute(route, fqdn);
      return {
        id: route.id,
        title: route.title,
        path: route.path,
        healthy: result.healthy,
        answer: result.answered ? `status ${result.status}` : result.reason,
      };
    }),
  );
}
