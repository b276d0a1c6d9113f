import type { FlowOptions } from '../flow.ts';

export interface UninstallOptions extends FlowOptions {
  /** The product's name, typed on the command line instead of at the question. */
  confirm: string | undefined;
  /** Where the last dump and what is kept goes; undefined: beside the product's folder. */
  dumpTo: string | undefined;
  keepData: boolean;
  skipBackup: boolean;
  deleteBackups: boolean;
  /** Removes what lies on this host's disks although the cluster does not answer, and names the rest. */
  withoutCluster: boolean;
}
