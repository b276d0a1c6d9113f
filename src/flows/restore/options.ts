import type { FlowOptions } from '../flow.ts';

export interface RestoreOptions extends FlowOptions {
  /**
   * Name of a backup; undefined: the way back over the last change of version. With `undo` that of a database
   * that was moved aside; undefined: the last one.
   */
  backup: string | undefined;
  /** Absolute path of a dump that was named instead. */
  file?: string | undefined;
  /** What such a dump is of, where no note beside it tells. */
  dumpVersion?: string | undefined;
  dumpSchema?: number | undefined;
  /** The product's name, typed on the command line instead of at the question. */
  confirm: string | undefined;
  /** Chart, values and release stay as they are. */
  dataOnly: boolean;
  /** The database stays as it is. */
  chartOnly?: boolean;
  /** Path of the package of the release that comes back, for images that are missing. */
  package?: string | undefined;
  skipBackup: boolean;
  /** Takes a restore back. */
  undo: boolean;
  /** `ID=REASON`, each: health steps. */
  waive: readonly string[];
}
