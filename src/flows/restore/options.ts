import type { FlowOptions } from '../flow.ts';

export interface RestoreOptions extends FlowOptions {
  /** Name of a backup; undefined: the way back over the last change of version. */
  backup: string | undefined;
  /** The product's name, typed on the command line instead of at the question. */
  confirm: string | undefined;
  /** Chart, values and release stay as they are. */
  dataOnly: boolean;
  skipBackup: boolean;
  /** Takes the last restore back. */
  undo: boolean;
  /** `ID=REASON`, each: health steps. */
  waive: readonly string[];
}
