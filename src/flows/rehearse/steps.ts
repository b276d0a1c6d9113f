import type { Step } from '../../engine/step.ts';
import type { RehearsalContext } from '../../release/context.ts';
import { rehearseClean } from '../../steps/rehearse_clean.ts';
import { rehearseLoadImages } from '../../steps/rehearse_load_images.ts';
import { rehearseMigrate } from '../../steps/rehearse_migrate.ts';
import { rehearsePgBackup } from '../../steps/rehearse_pg_backup.ts';
import { rehearseRestore } from '../../steps/rehearse_restore.ts';

/** The steps of a rehearsal, a chain: nothing of what runs is changed by any of them. */
export const rehearseSteps = (): Step<RehearsalContext>[] => [
  rehearseLoadImages,
  rehearsePgBackup,
  rehearseRestore,
  rehearseMigrate,
  rehearseClean,
];
