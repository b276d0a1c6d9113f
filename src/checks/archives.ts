import type { Measurement } from '../policy/preflight-report.ts';
import type { StepContext } from '../release/context.ts';
import { planImageLoad } from '../release/image-load.ts';

/** With `--images-from disk` the archives must be found good before the first step, not after the dump. */
export async function checkArchives(ctx: StepContext): Promise<Measurement> {
  const { summary } = await planImageLoad(ctx);
  return { outcome: 'ok', measured: summary, limit: 'whole and of this release' };
}
