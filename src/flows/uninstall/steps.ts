import type { Step } from '../../engine/step.ts';
import type { UninstallContext } from '../../release/uninstall-context.ts';
import { uninstallBackups } from '../../steps/uninstall_backups.ts';
import { uninstallData } from '../../steps/uninstall_data.ts';
import { uninstallFiles } from '../../steps/uninstall_files.ts';
import { uninstallHalt } from '../../steps/uninstall_halt.ts';
import { uninstallImages } from '../../steps/uninstall_images.ts';
import { uninstallKeep } from '../../steps/uninstall_keep.ts';
import { uninstallObjects } from '../../steps/uninstall_objects.ts';
import { uninstallPath } from '../../steps/uninstall_path.ts';
import { uninstallPgBackup } from '../../steps/uninstall_pg_backup.ts';
import { uninstallRecord } from '../../steps/uninstall_record.ts';
import { uninstallRelease } from '../../steps/uninstall_release.ts';

/** The steps of an uninstall, a chain: dump and record are safe before anything is removed. */
export const uninstallSteps = (): Step<UninstallContext>[] => [
  uninstallRecord,
  uninstallHalt,
  uninstallPgBackup,
  uninstallKeep,
  uninstallRelease,
  uninstallObjects,
  uninstallBackups,
  uninstallData,
  uninstallImages,
  uninstallFiles,
  uninstallPath,
];
