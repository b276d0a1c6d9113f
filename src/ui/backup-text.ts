import { foreign } from '../foreign.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { BackupEntry, BackupList, Pruned } from '../queries/backup-schema.ts';

/** One backup, as each action of `backup` prints it. */
export const backupLines = (one: BackupEntry): string[] => [
  `${one.name}  ${marks(one).join(', ')}`,
  `  taken    ${one.takenAt}${one.by === null ? '' : `, by ${foreign(one.by)}`}`,
  `  release  ${one.release ?? 'not recorded'}, schema version ${one.schemaVersion}`,
  `  size     ${formatBytes(one.sizeBytes)}, ${counted(one.rows, 'row')}`,
  `  path     ${one.path}`,
  `  SHA-256  ${one.sha256}`,
];

const takenBy = { backup: 'by hand', upgrade: 'of a run', rollback: 'of a rollback' };

function marks({ kind, anchor, whole, verified, failed }: BackupEntry): string[] {
  return [
    ...(anchor === null ? [takenBy[kind]] : [`way back to ${anchor}`]),
    ...(whole ? [] : ['MISSING, or not its recorded size']),
    verified === null
      ? `not verified${failed === null ? '' : `: the try at ${failed.at} failed, ${failed.why}`}`
      : `verified by restore at ${verified.at}, in ${Math.round(verified.seconds)} s`,
  ];
}

export const backupListLines = ({ backups, unknown }: BackupList): string[] => [
  ...(backups.length === 0 ? ['there is no backup'] : backups.flatMap(backupLines)),
  ...(unknown.length === 0 ? [] : ['Nothing is recorded of a dump in:', ...unknown.map((one) => `  ${one}`)]),
];

export const prunedLines = ({ removed, left, dryRun }: Pruned): string[] => [
  ...removed.map((folder) => `${dryRun ? 'would be removed' : 'removed'}: ${folder}`),
  ...left.map((folder) => `left, since other files are in it: ${folder}`),
];
