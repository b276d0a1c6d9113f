/**
 * How the command that runs is typed another way: flags of it left out, others added, or by another program.
 */
export interface Change {
  /** With their values, each as one text: `--trust-key unsigned`. One that was typed already is replaced. */
  add?: readonly string[];
  without?: readonly string[];
  /** The path of another executable. */
  program?: string;
  /**
   * To be recorded, and typed in any folder: paths that were typed are written in full. Without sudo, which
   * is added where it is printed.
   */
  anywhere?: boolean;
}

/**
 * The command that runs, as it was typed, ready to be pasted into a shell. Whatever a hint changes, all other
 * flags stay: without its `--dry-run` it would be another command.
 */
export type Again = (change?: Change) => string;

/** The rollback of an unfinished install after which the next one begins without its data, by `program`. */
export const rollbackToBeginAnew = (again: Again, program?: string): string =>
  again({
    ...(program !== undefined && { program }),
    add: ['--rollback-to postgres', '--accept-data-loss'],
    without: ['--upgrade', '--supersede', '--resume', '--waive', ...freshFlags, ...upgradeFlags],
  });

/** Flags of a fresh install only, and of an upgrade only. */
export const freshFlags = [
  '--fqdn',
  '--license',
  '--storage-path',
  '--storage-class',
  '--connectors',
  '--values',
  '--answers',
  '--print-answers',
] as const;
export const upgradeFlags = [
  '--rehearse',
  '--skip-backup',
  '--accept-unsupported-upgrade',
  '--reapply',
  '--force-conflicts',
  '--trust-key',
  '--images-from',
  '--refresh-archives',
  '--activate',
  '--no-activate',
] as const;
