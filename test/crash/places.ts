import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { installSteps } from '../../src/flows/install/steps.ts';
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

const graphs = { upgrade: upgradeSteps, install: installSteps };

/** Before the first step, and three a step: recorded as running, its midpoint, verified. One of each three is a kill of the tree. */
export function listPlaces(graph: GraphName): Place[] {
  const places: Place[] = [{ id: 'start', kill: 'process' }];
  for (const [step, { id, midpoint }] of graphs[graph](product).entries()) {
    for (const [which, where] of ['running', midpoint, 'verified'].entries()) {
      places.push({ id: `${id}:${where}`, kill: (step + which) % 3 === 1 ? 'tree' : 'process' });
    }
  }
  return places;
}

/** The place of a step that lies between its first and its last side effect. */
export function midpointOf(graph: GraphName, step: string): string {
  const found = graphs[graph](product).find(({ id }) => id === step);
  if (found === undefined) throw new Error(`no step ${step} in the graph of ${graph}`);
  return `${step}:${found.midpoint}`;
}
