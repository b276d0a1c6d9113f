import * as z from 'zod';
import { assertRoomForCopy } from '../backup/database-room.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { countRows, tableNames } from '../host/table-rows.ts';
import { lostText } from '../policy/rehearsal-text.ts';
import { judgeSchema, schemaSentence } from '../policy/schema-verdict.ts';
import type { RehearsalContext } from '../release/context.ts';
import { rehearsalName } from '../release/rehearsal-objects.ts';
import { assertReachesCopyOnly, objectsOf, timeoutSeconds } from '../release/rehearsal-parts.ts';
import { migrated } from '../release/rehearsal-run.ts';
import { askSchemaOnce } from '../release/schema-now.ts';
import { rehearseRestore } from './rehearse_restore.ts';

/**
 * Recorded before the run fails where the migration was judged all the same: without it a failure says
 * nothing of the migration.
 */
export const judgedSchema = z.object({ migrationFailed: z.literal(true) });

const out = z.object({
  rehearsal: z.object({
    schema: z.object({ before: z.int(), after: z.int() }),
    seconds: z.number(),
    rows: z.int(),
    lost: z.array(z.object({ table: z.string(), before: z.int(), after: z.int().nullable() })),
  }),
});

/** The live database and its disk are asked so often, in looks at the copy. */
const looks = 10;

/** Lets the new release migrate the copy, as a Job that reaches nothing else, and compares the rows. */
export const rehearseMigrate: Step<RehearsalContext, z.infer<typeof out>> = {
  id: 'rehearse_migrate',
  out,
  title: 'Migrate the copy',
  needs: [rehearseRestore.id],
  revision: 1,
  inputs: ({ copy, payload }) => ({ name: copy.name, payload: payload.digest }),

  plan: async ({ product, to, release, copy }) => ({
    action: 'run',
    summary:
      `start ${product.values.autoMigrate?.workload ?? ''} of ${to} as the Job ${rehearsalName(product)}, ` +
      `wait until ${copy.name} has schema version ${release.schema.target}, and count its rows`,
  }),

  async run(ctx, io) {
    const { product, database, release, copy, kubectl } = ctx;
    const { signal } = io;
    const { namespace } = product;
    const objects = await objectsOf(ctx, signal);
    const was = await askSchemaOnce(ctx, signal);
    const assertLive = async () => {
      const now = await askSchemaOnce(ctx, signal);
      const verdict = judgeSchema(was, now);
      if (verdict.kind === 'unchanged' || (verdict.kind === 'unknown' && was.version === undefined)) return;
      if (verdict.kind === 'unknown') return io.warn(`the live database: ${verdict.why}`);
      throw new IvaapError(
        'failed',
        `the live database's schema changed meanwhile: ${schemaSentence(verdict)}`,
        {
          hint: `${ctx.program} status`,
        },
      );
    };
    await assertReachesCopyOnly(ctx, signal);
    const into = database.on(copy.name);
    const before = await into.schemaVersion(product.database.schemaVersionQuery, signal);
    const rows = await rowsOf(into, signal);
    await io.checkpoint('proved');
    // The Job last: what its pod reads is there when it starts.
    for (const object of objects) await kubectl.apply([object], { namespace, signal });
    await io.checkpoint('job-made');
    let count = 0;
    const { target } = release.schema;
    const end = await migrated(ctx, {
      name: copy.name,
      target,
      timeoutSeconds: timeoutSeconds(product),
      signal,
      each: async (version) => {
        io.progress({ done: version, total: target, unit: 'schema version', note: copy.name });
        if (count % looks === 0) {
          await assertLive();
          // What it writes must leave the live database its room.
          await assertRoomForCopy(ctx, 0, signal);
        }
        count += 1;
      },
    });
    if ('failure' in end) {
      await io.record({ migrationFailed: true });
      throw end.failure;
    }
    const { seconds } = end;
    await io.checkpoint('migrated');
    await assertLive();
    const after = await into.schemaVersion(product.database.schemaVersionQuery, signal);
    const now = await rowsOf(into, signal);
    io.tell({ type: 'rows.counted', when: 'before', tables: Object.fromEntries(rows) });
    io.tell({ type: 'rows.counted', when: 'after', tables: Object.fromEntries(now) });
    const lost = [...rows].flatMap(([table, had]) => {
      const has = now.get(table);
      return has === undefined || has < had ? [{ table, before: had, after: has ?? null }] : [];
    });
    const total = [...rows.values()].reduce((sum, one) => sum + one, 0);
    const rehearsal = { schema: { before, after }, seconds, rows: total, lost };
    if (lost.length === 0) return { rehearsal };
    await io.record({ rehearsal });
    throw new IvaapError('failed', `the migration ends well on the copy, and loses rows: ${lostText(lost)}`, {
      hint:
        'the live database is as it was; ask the vendor whether these rows may go. To upgrade all the ' +
        `same: ${ctx.again({ without: ['--rehearse'] })}`,
    });
  },
};

async function rowsOf(
  database: Parameters<typeof countRows>[0],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const counts = await countRows(database, await tableNames(database, signal), undefined, signal);
  return new Map([...counts].map(([table, { rows }]) => [table, rows]));
}
