import * as z from 'zod';
import { deployedSchema } from '../backup/upgrade-results.ts';
import { makeBackupFolder } from '../backup/backup-folder.ts';
import type { Step } from '../engine/step.ts';
import { judgeSchema, schemaSentence } from '../policy/schema-verdict.ts';
import type { RestoreContext } from '../release/context.ts';
import { runHelm } from '../release/helm-run.ts';
import { assertDeployed, endedWithoutUs, repairHelm } from '../release/helm-state.ts';
import { askSchema } from '../release/schema-now.ts';
import { readValuesFile } from '../release/values-file.ts';
import { stepRecord } from '../backup/step-results.ts';
import { copySchema, loadId } from '../release/restore-record.ts';
import { restoreChart } from './restore_chart.ts';

const out = z.object({ helm: deployedSchema, release: z.string() });

/**
 * `helm upgrade` to the release whose chart is back. A failure does not roll back: the revision before is of
 * the other release, which would migrate the restored database.
 */
export const restoreHelm: Step<RestoreContext, z.infer<typeof out>> = {
  id: 'restore_helm',
  out,
  title: 'Bring the release back',
  needs: [],
  revision: 1,
  inputs: ({ target: { chart, files } }) => ({ chart, files }),

  plan: async ({ product, to }) => ({
    action: 'run',
    summary:
      `helm upgrade ${product.release} to ${to}, ` +
      `with a wait of up to ${product.helm.timeoutSeconds / 60} minutes`,
  }),

  async run(ctx, io) {
    const { product, helm, paths, program } = ctx;
    const { sha256 } = await readValuesFile(paths.values, program);
    await ctx.downtime.begin(ctx);
    if (!(await endedWithoutUs(ctx, sha256))) {
      const folder = () => io.result(restoreChart)?.filesBefore ?? makeBackupFolder(ctx, io);
      const judged = await repairHelm(ctx, io, 'upgrade', folder);
      const records = await helm.history();
      await io.checkpoint('helm-records-repaired');
      await runHelm(ctx, io, {
        verb: judged.act === 'install' ? 'install' : 'upgrade',
        values: sha256,
        revisionBefore: records.at(-1)?.revision ?? 0,
        records: records.length,
        historyMax: judged.historyMax,
        // What stopped the workloads owns the number of their pods.
        forceConflicts: true,
        keepsFailed: true,
      });
    }
    await tellSchema(ctx, io);
    const revision = (await helm.current())?.revision ?? null;
    return { helm: { revision, version: ctx.to, values: sha256 }, release: product.release };
  },

  verify: assertDeployed,
};

/** The release may have migrated the database: what was restored is not what is there then. */
async function tellSchema(ctx: RestoreContext, io: { warn(line: string): void }): Promise<void> {
  const { schemaWas } = ctx.target;
  if (schemaWas !== null) {
    const verdict = judgeSchema(schemaWas, await askSchema(ctx, 10_000, { was: schemaWas }));
    if (verdict.kind !== 'unchanged') io.warn(schemaSentence(verdict));
  }
  const restored = copySchema.safeParse(stepRecord(ctx.run(), loadId)).data?.restoreCopy;
  if (restored === undefined) return;
  const { version } = await askSchema(ctx, 10_000);
  if (version === undefined || version === restored.schemaVersion) return;
  io.warn(
    `the schema version is ${version}, and ${restored.schemaVersion} was restored: ${ctx.to} has migrated it`,
  );
}
