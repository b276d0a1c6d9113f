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

const takers: Record<BackupEntry['takenBy'], string> = {
  hand: 'by hand',
  rehearsal: 'of a rehearsal',
  upgrade: 'of an upgrade',
  restore: 'safety dump of a restore, of what was there before it',
  rollback: 'last dump of a rollback',
  run: 'of a run',
};

function marks({ takenBy, anchor, whole, verified, failed }: BackupEntry): string[] {
  return [
    takenBy === 'upgrade' && anchor !== null ? `way back to ${anchor}` : takers[takenBy],
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
