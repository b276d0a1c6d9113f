import type { RunResult } from '../../engine/run.ts';
import type { InstallContext } from '../../release/context.ts';
import type { FlowResult } from '../flow.ts';
import { healthLines, waivedHealth } from '../waived-health.ts';

/** What a completed install has made, as text and as JSON. */
export function installSummary(ctx: InstallContext, result: RunResult): FlowResult {
  const { product, paths, fqdn, storagePath, storageClass, entitlements, to: version } = ctx;
  return {
    lines: [
      `${product.title} ${version} is installed.`,
      `  address  http://${fqdn}/`,
      `  values   ${paths.values} (maintained by you from now on)`,
      `  database ${storageClass === undefined ? storagePath : `StorageClass ${storageClass}`}`,
      `  licence  ${entitlements.join(', ') || 'no entitlements'}`,
      ...healthLines(ctx, result),
    ],
    data: {
      version,
      fqdn,
      values: paths.values,
      storagePath: storageClass === undefined ? storagePath : null,
      storageClass: storageClass ?? null,
      entitlements: [...entitlements],
      waivedHealth: waivedHealth(ctx, result),
      warnings: result.warnings,
    },
  };
}
