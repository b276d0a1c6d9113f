import { openDatabase, schemaVersion } from '../database.ts';
import { serve } from '../http.ts';
import type { Reply } from '../http.ts';
import { release } from '../release.ts';
import { feetToMetres, listWells } from '../wells.ts';
import { callConnectors, entitledConnectors } from './connectors.ts';

const unitSystem = process.env.IVAAP_BACKEND_UNIT_SYSTEM === 'field' ? 'field' : 'metric';
const database = openDatabase();

/** A well with its depth in the units that the operator chose, whatever the schema keeps. */
function inUnits({ depthFt, totalDepthM, ...well }: Record<string, unknown>): Record<string, unknown> {
  const metres = typeof totalDepthM === 'number' ? totalDepthM : Number(depthFt) * feetToMetres;
  const value = unitSystem === 'field' ? metres / feetToMetres : metres;
  return { ...well, depth: { value: Number(value.toFixed(2)), unit: unitSystem === 'field' ? 'ft' : 'm' } };
}

async function health(): Promise<Reply> {
  const facts = { release: release.version, unitSystem };
  try {
    const schema = await schemaVersion(database);
    return { status: 200, body: { status: 'ok', ...facts, schema } };
  } catch (error) {
    const reason = `the database does not answer: ${(error as Error).message}`;
    return { status: 503, body: { status: 'unhealthy', reason, ...facts } };
  }
}

async function readWells(query: URLSearchParams) {
  const schema = Math.min(await schemaVersion(database), release.schema.target);
  const { count, wells } = await listWells(database, schema, query);
  return { count, wells: wells.map(inUnits) };
}

serve({
  'GET /backend/health': health,
  'GET /backend/ready': health,
  'GET /backend/live': () => ({ status: 200, body: { status: 'ok' } }),
  'GET /backend/api/wells': async ({ query }) => ({ status: 200, body: await readWells(query) }),
  'GET /backend/api/connectors': async () => ({
    status: 200,
    body: { connectors: await entitledConnectors() },
  }),
  // One page of wells through every connector that the licence grants.
  'GET /backend/api/exports': async ({ query }) => {
    const { wells } = await readWells(query);
    return { status: 200, body: { exports: await callConnectors(wells) } };
  },
});
