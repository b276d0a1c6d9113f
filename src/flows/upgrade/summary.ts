import type { RunResult } from '../../engine/run.ts';
import type { JsonObject } from '../../engine/step.ts';
import type { UpgradeContext } from '../../release/context.ts';
import type { FlowResult } from '../flow.ts';
import { healthLines, waivedHealth } from '../waived-health.ts';
import { wayBackLines } from '../../queries/way-back-text.ts';
import { schemaDueWords } from '../../policy/schema-due.ts';
import { helmByHand } from '../../release/helm-by-hand.ts';

/** What a completed upgrade has changed, for people and for machines. */
export function upgradeSummary(ctx: UpgradeContext, result: RunResult): FlowResult {
  const { from, to, product } = ctx;
  const out = (step: string) => result.outputs[step] ?? {};
  const images = (out('upgrade_load_images').imageLoad ?? {}) as {
    loaded?: string[];
    importedBytes?: number;
  };
  const schema = (out('upgrade_helm').schema ?? {}) as { before?: number | null; after?: number | null };
  const way = ctx.wayBack();
  const dump = way.restored ? way.later : way.before;
  const { overlay } = out('upgrade_migrate') as { overlay?: { path: string | null; patches: string[] } };
  const restart = out('upgrade_helm').restart;
  const due = schemaDueWords(schema.after, ctx.release.schema.target);
  const byHand = due === undefined ? undefined : helmByHand(ctx, ctx.forceConflicts);
  const data: JsonObject = {
    from,
    to,
    chart: ctx.paths.chart,
    previousChart: out('upgrade_chart_swap').previousChart ?? null,
    loadedImages: images.loaded ?? [],
    schema: { before: schema.before ?? null, after: schema.after ?? null },
    overlay: overlay?.path ?? null,
    patches: overlay?.patches ?? [],
    dump: dump?.path ?? null,
    dumpSha256: dump?.sha256 ?? null,
    laterDump: way.restored ? null : (way.later?.path ?? null),
    snapshot: way.snapshot ?? null,
    laterSnapshot: way.laterSnapshot ?? null,
    editedChart: out('upgrade_chart_swap').editedChart ?? null,
    restart: restart ?? null,
    helmByHand: byHand ?? null,
    waivedHealth: waivedHealth(ctx, result),
    warnings: result.warnings,
  };
  const lines = [
    from === to ? `${product.title} ${to} was applied again.` : `${product.title} ${from} -> ${to}: done.`,
    `  release  ${product.release} in namespace ${product.namespace}, chart ${ctx.paths.chart}`,
    `  images   ${imagesWords(images.loaded?.length ?? 0, out('upgrade_load_images').images)}`,
    `  database ${schemaWords(schema)}`,
    ...healthLines(ctx, result),
    ...(overlay?.path == null
      ? []
      : [`  values   patched in ${overlay.path}: ${overlay.patches.join(', ')}`]),
    ...wayBackLines(way).map((line) => `  ${line}`),
    ...(typeof restart === 'string' ? [`  to do    ${restart}`] : []),
    ...(due === undefined ? [] : [`  schema   ${due}`]),
    ...(byHand === undefined ? [] : [`  by hand  Helm alone applies a changed values file so: ${byHand}`]),
  ];
  return { lines, data };
}

function imagesWords(loaded: number, all: unknown): string {
  const others = (Array.isArray(all) ? all.length : 0) - loaded;
  return others > 0 ? `${loaded} loaded, ${others} there already` : `${loaded} loaded`;
}

function schemaWords({ before, after }: { before?: number | null; after?: number | null }): string {
  if (before == null || after == null) {
    return `schema version ${before ?? 'not known'} before, ${after ?? 'not known'} now`;
  }
  return before === after ? `schema version ${after}, unchanged` : `schema version ${before} -> ${after}`;
}
