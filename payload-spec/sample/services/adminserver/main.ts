import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase, schemaVersion } from '../database.ts';
import { serve } from '../http.ts';
import type { Reply } from '../http.ts';
import { release } from '../release.ts';
import { addWells, listWells, parseWells } from '../wells.ts';
import { migrate } from './migrations.ts';

const { min, target } = release.schema;
const autoMigrate = process.env.IVAAP_SERVER_ADMIN_AUTO_MIGRATE === 'true';
const database = openDatabase();

/** Why start-up work is still in progress; undefined once it has ended. */
let starting: string | undefined = 'waiting for the database';

async function startUp(): Promise<void> {
  for (;;) {
    try {
      if (autoMigrate) await migrate(database, target);
      starting = undefined;
      return;
    } catch (error) {
      starting = `schema migration: ${(error as Error).message}`;
      console.error(starting);
      await sleep(1_000);
    }
  }
}

/**
 * Unhealthy below the least schema that this release works with, and without a database; a newer schema is
 * none of its business.
 */
async function health(): Promise<Reply> {
  const facts = { release: release.version, autoMigrate };
  try {
    const version = await schemaVersion(database);
    const schema = { version, min, target };
    if (version >= min) return { status: 200, body: { status: 'ok', ...facts, schema } };
    const reason =
      `schema version ${version} is below ${min}, the least that ${release.version} works with; ` +
      (autoMigrate ? (starting ?? 'migrated') : 'IVAAP_SERVER_ADMIN_AUTO_MIGRATE is not true');
    return { status: 503, body: { status: 'unhealthy', reason, ...facts, schema } };
  } catch (error) {
    const reason = `the database does not answer: ${(error as Error).message}`;
    return { status: 503, body: { status: 'unhealthy', reason, ...facts } };
  }
}

/** The shape that this release reads and writes: a schema newer than its own is not known to it. */
const usableSchema = async () => Math.min(await schemaVersion(database), target);

serve({
  'GET /admin/health': health,
  'GET /admin/live': () => ({ status: 200, body: { status: 'ok' } }),
  // Traffic only once migrations that were asked for are through: a rollout that has ended has migrated.
  'GET /admin/ready': async () =>
    starting && autoMigrate ? { status: 503, body: { status: 'starting', reason: starting } } : health(),
  'GET /admin/api/wells': async ({ query }) => {
    const schema = await usableSchema();
    return { status: 200, body: { schema, ...(await listWells(database, schema, query)) } };
  },
  'POST /admin/api/wells': async (request) => {
    const wells = parseWells(await request.json());
    return { status: 201, body: { ids: await addWells(database, await usableSchema(), wells) } };
  },
});
void startUp();
