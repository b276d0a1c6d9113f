import type * as z from 'zod';
import type { RunResult } from '../../engine/run.ts';
import type { JsonObject, Returning } from '../../engine/step.ts';
import type { schemaMoveSchema } from '../../backup/upgrade-results.ts';
import { readResult } from '../../backup/step-results.ts';
import type { UpgradeContext } from '../../release/context.ts';
import type { ImageLoadResult } from '../../release/image-load.ts';
import { upgradeChartSwap } from '../../steps/upgrade_chart_swap.ts';
import { upgradeHelm } from '../../steps/upgrade_helm.ts';
import { upgradeLoadImages } from '../../steps/upgrade_load_images.ts';
import { upgradeMigrate } from '../../steps/upgrade_migrate.ts';
import { upgradePgSwitch } from '../../steps/upgrade_pg_switch.ts';
import type { FlowResult } from '../flow.ts';
import { healthLines, waivedHealth } from '../health-summary.ts';
import { wayBackLines } from '../../queries/way-back-text.ts';
import { schemaDueText } from '../../policy/schema-due.ts';
import { sameRecordedVersion } from '../../version.ts';
import { helmByHand } from '../../release/helm-by-hand.ts';

/** What a completed upgrade has changed, as text and as JSON. */
export function upgradeSummary(ctx: UpgradeContext, result: RunResult): FlowResult {
  const { from, to, product } = ctx;
  const out = <Out>(step: Returning<Out>) => readResult(step, result.outputs[step.id]);
  const images = out(upgradeLoadImages);
  const swap = out(upgradeChartSwap);
  const { schema, restart } = out(upgradeHelm) ?? {};
  const way = ctx.wayBack();
  const dump = way.restored ? way.later : way.before;
  const overlay = out(upgradeMigrate)?.overlay;
  const folder = out(upgradePgSwitch)?.dataFolder;
  const due = schemaDueText(schema?.after, ctx.release.schema.target);
  const byHand = due === undefined ? undefined : helmByHand(ctx, ctx.forceConflicts);
  const data: JsonObject = {
    from,
    to,
    chart: ctx.paths.chart,
    previousChart: swap?.previousChart ?? null,
    loadedImages: images?.imageLoad.loaded ?? [],
    schema: {
      before: schema?.before ?? null,
      after: schema?.after ?? null,
      differs: schema?.differs ?? null,
    },
    overlay: overlay?.path ?? null,
    patches: overlay?.patches ?? [],
    dataFolder: folder ?? null,
    dump: dump?.path ?? null,
    dumpSha256: dump?.sha256 ?? null,
    laterDump: way.restored ? null : (way.later?.path ?? null),
    snapshot: way.snapshot ?? null,
    laterSnapshot: way.laterSnapshot ?? null,
    editedChart: swap?.editedChart ?? null,
    restart: restart ?? null,
    helmByHand: byHand ?? null,
    waivedHealth: waivedHealth(ctx, result),
    warnings: result.warnings,
  };
  const lines = [
    sameRecordedVersion(from, to)
      ? `${product.title} ${to} was applied again.`
      : `${product.title} was upgraded: ${from} -> ${to}.`,
    `  release  ${product.release} in namespace ${product.namespace}, chart ${ctx.paths.chart}`,
    `  images   ${imagesText(images)}`,
    `  database ${schemaText(schema ?? { before: null, after: null, target: 0 })}`,
    ...(folder === undefined
      ? []
      : [
          `  postgres PostgreSQL ${folder.majors.from} -> ${folder.majors.to}; ` +
            `the data folder from before is kept: ${folder.kept}`,
        ]),
    ...healthLines(ctx, result),
    ...(overlay?.path == null
      ? []
      : [`  values   patched in ${overlay.path}: ${overlay.patches.join(', ')}`]),
    ...wayBackLines(way).map((line) => `  ${line}`),
    ...(typeof restart === 'string' ? [`  to do    ${restart}`] : []),
    ...(due === undefined ? [] : [`  schema   ${due}`]),
    ...(byHand === undefined ? [] : [`  by hand  to apply a changed values file with Helm: ${byHand}`]),
  ];
  return { lines, data };
}

function imagesText(result: ImageLoadResult | undefined): string {
  const loaded = result?.imageLoad.loaded.length ?? 0;
  const others = (result?.images.length ?? 0) - loaded;
  return others > 0 ? `${loaded} loaded, ${others} already present` : `${loaded} loaded`;
}

function schemaText({ before, after, differs }: z.infer<typeof schemaMoveSchema>): string {
  if (before === null || after === null) {
    return `schema version ${before ?? 'not known'} before, ${after ?? 'not known'} now`;
  }
  if (before === after && differs != null) return `schema version ${after}, but it differs: ${differs}`;
  return before === after ? `schema version ${after}, unchanged` : `schema version ${before} -> ${after}`;
}
