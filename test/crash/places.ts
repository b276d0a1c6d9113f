import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { installSteps } from '../../src/flows/install/steps.ts';
import { rehearseSteps } from '../../src/flows/rehearse/steps.ts';
import { restoreSteps } from '../../src/flows/restore/steps.ts';
import { uninstallSteps } from '../../src/flows/uninstall/steps.ts';
import { rollbackSteps } from '../../src/flows/rollback/steps.ts';
import { upgradeSteps } from '../../src/flows/upgrade/steps.ts';
import { productSchema } from '../../src/payload/product-schema.ts';
import type { GraphName } from './journal-places.ts';
import type { KillOf } from './killer.ts';

/** A point of a run that its journal names; `id` is `start` or `STEP:WHERE`. */
export interface Place {
  id: string;
  kill: KillOf;
}

const product = productSchema.parse(
  parse(readFileSync(join(import.meta.dirname, '../../payload-spec/ivaap/product.yaml'), 'utf8')),
);

type Steps = (known: typeof product) => readonly { id: string }[];

/** From here on a rollback undoes a completed install. */
export const rolledBackTo = 'namespace';

const rollback: Steps = (known) => {
  const order = installSteps(known).map(({ id }) => id);
  return rollbackSteps(known, { undone: order.slice(order.indexOf(rolledBackTo)).reverse() });
};

const graphs: Record<GraphName, Steps> = {
  upgrade: upgradeSteps,
  install: installSteps,
  rollback,
  // Two of its steps have nothing to do on a host whose data are not kept and which has no names on PATH.
  uninstall: () => uninstallSteps().filter(({ id }) => passed.includes(`${id}:running`)),
  restore: (known) => restoreSteps(known),
  rehearse: rehearseSteps,
};

/**
 * What undisturbed runs of all flows passed in order, a `STEP:WHERE` a line; written by
 * in-process/killed.test.ts.
 */
export const passedFile = join(import.meta.dirname, 'passed-places.txt');

/** The same of an uninstall; written by in-process/uninstall-killed.test.ts. */
export const passedByUninstall = join(import.meta.dirname, 'passed-by-uninstall.txt');

/** The same of a restore; written by in-process/restore-killed.test.ts. */
export const passedByRestore = join(import.meta.dirname, 'passed-by-restore.txt');

/** The same of a rehearsal; written by in-process/rehearse-killed.test.ts. */
export const passedByRehearsal = join(import.meta.dirname, 'passed-by-rehearse.txt');

const passed = [passedFile, passedByUninstall, passedByRestore, passedByRehearsal].flatMap((file) =>
  readFileSync(file, 'utf8').trim().split('\n'),
);

/**
 * Checkpoints of a step, in the order in which a run passed them. A health route of another product has none.
 */
const checkpointsOf = (step: string): string[] =>
  passed
    .filter((place) => place.startsWith(`${step}:`))
    .map((place) => place.slice(step.length + 1))
    .filter((where) => where !== 'running' && where !== 'verified');

/**
 * Before the first step, and of each step: recorded as running, its checkpoints, verified. One in three is a
 * kill of the tree.
 */
export function listPlaces(graph: GraphName): Place[] {
  const places: Place[] = [{ id: 'start', kill: 'process' }];
  for (const { id } of graphs[graph](product)) {
    for (const where of ['running', ...checkpointsOf(id), 'verified']) {
      places.push({ id: `${id}:${where}`, kill: places.length % 3 === 2 ? 'tree' : 'process' });
    }
  }
  return places;
}
