import type { RunResult } from '../../engine/run.ts';
import type { InstallContext } from '../../release/context.ts';
import { restoreNamed } from '../../backup/rollback-dump.ts';
import { counted } from '../../policy/counted.ts';
import { keptText } from '../../policy/kept-text.ts';
import type { FlowResult } from '../flow.ts';
import { healthLines, servedAddress, waivedHealth } from '../health-summary.ts';

/** What a completed install has made, as text and as JSON. */
export function installSummary(ctx: InstallContext, result: RunResult): FlowResult {
  const { product, paths, fqdn, storagePath, storageClass, entitlements, keptData, to: version } = ctx;
  const missing = keptData === undefined ? ctx.dumpToBringBack() : undefined;
  const address = servedAddress(ctx, result, fqdn);
  return {
    lines: [
      `${product.title} ${version} is installed.`,
      `  address  ${address}`,
      `  values   ${paths.values} (maintained by you from now on)`,
      `  database ${storageClass === undefined ? storagePath : `StorageClass ${storageClass}`}`,
      ...(keptData === undefined ? [] : [`  data     those kept there are used: ${keptText(keptData)}`]),
      `  licence  ${entitlements.join(', ') || 'no entitlements'}`,
      ...healthLines(ctx, result),
      ...(missing === undefined
        ? []
        : [
            `  rows     the database is new; to bring back the ${counted(missing.rows, 'row')} from before ` +
              `the rollback: ${restoreNamed(ctx, missing)}`,
          ]),
    ],
    data: {
      version,
      fqdn,
      address,
      values: paths.values,
      storagePath: storageClass === undefined ? storagePath : null,
      storageClass: storageClass ?? null,
      keptData:
        keptData === undefined
          ? null
          : { version: keptData.version, rows: keptData.rows ?? null, keptAt: keptData.keptAt },
      entitlements: [...entitlements],
      waivedHealth: waivedHealth(ctx, result),
      warnings: result.warnings,
    },
  };
}
