import { planImageLoad } from '../release/image-load.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

/** With `--images-from disk` the archives are checked before the first step, not after the dump. */
export const archives: Check<UpgradeCheckContext> = {
  id: 'archives',
  kind: 'guard',
  title: 'Archives on disk usable',
  limit: 'with --images-from disk: intact and of this release',
  why: 'a damaged archive would be found after the dump',
  fix: 'write it again: --refresh-archives',
  timeoutSeconds: 1800,
  flows: ['upgrade'],
  applies: ({ imagesFrom, refreshArchives }) => imagesFrom === 'disk' && !refreshArchives,
  async measure(ctx) {
    return { outcome: 'ok', measured: (await planImageLoad(ctx)).summary };
  },
};
