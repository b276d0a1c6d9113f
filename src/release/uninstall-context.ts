import type { ClassVolume } from './database-volume.ts';
import type { PgDump } from '../backup/dump-record.ts';
import type { Containerd } from '../host/containerd.ts';
import type { DatabaseSize } from '../host/database-size.ts';
import type { Helm } from '../host/helm.ts';
import type { Kubectl } from '../host/kubectl.ts';
import type { Postgres } from '../host/postgres.ts';
import type { Known } from '../known.ts';
import type { Aside } from './aside-folders.ts';
import type { StepContext } from './context.ts';
import type { FoundFolder } from './found-folder.ts';
import type { OurFiles } from './our-files.ts';
import type { OurImages } from './our-images.ts';
import type { NamespaceContents, OwnedVolume } from './ours.ts';

/** What an uninstall finds on the host before it removes anything; what did not answer is not known. */
export interface UninstallFindings {
  /** `2026.2, revision 3, deployed`; null where there is no release. */
  release: Known<string | null>;
  contents: Known<NamespaceContents>;
  /** The namespace was there before the install. */
  keepsNamespace: boolean;
  /** Keys of the labels that the install has added to it. */
  namespaceLabels: readonly string[];
  volume: Known<OwnedVolume | null>;
  /** Another one that a StorageClass made for the claim: its policy says whether it outlives the claim. */
  classVolume: Known<ClassVolume | null>;
  /** The folder with the database's data; undefined where no install came so far. */
  storagePath: string | undefined;
  /** Where our volume leads to, if that is another folder. */
  volumePath: string | undefined;
  /** Where a rollback has moved the data from: they lie beside it, and what is there now is others'. */
  movedFrom: string | undefined;
  /** The volume of the folder has no label of this installer: folder and volume stay. */
  heldByOthers: boolean;
  /** How the install found its place; undefined where it did not record that. */
  before: FoundFolder | undefined;
  /** `target`: somebody put a link in the place of the folder; where it leads to stays. */
  data: { there: boolean; empty: boolean; bytes: number; target: string | undefined };
  /**
   * Null: there is no database, and it is proved that there never was one. `others`: further ones of the same
   * server, which no last dump holds; without copies of ours that nobody needs.
   */
  database: Known<(DatabaseSize & { schema: number; others: string[] }) | null>;
  /** Whether nothing of it runs, or would be started again. */
  isStopped: Known<boolean>;
  /** That of an unfinished rollback, where the database cannot be dumped any more. */
  rollbackDump: PgDump | undefined;
  files: OurFiles;
  /** Data folders beside the live one: each maybe the only copy of what is in it. */
  putAside: (Aside & { bytes: number })[];
  /** Paths in the data folder that the database did not write: they are moved to what is kept. */
  foreignData: { path: string; bytes: number }[];
  /** `others`: what lies among them and is no backup of ours. */
  backups: { names: string[]; others: string[]; bytes: number };
  images: Known<OurImages>;
  /** Names of older releases that have no mark any more: they stay, and are named. */
  unmarkedImages: Known<string[]>;
  /** Custom resource definitions of the chart that are in the cluster: they stay. */
  definitions: Known<string[]>;
}

/** What the operator asked for; recorded, so that the same command typed again does the same. */
export interface UninstallChoices {
  keepData: boolean;
  deleteBackups: boolean;
  /** Where the last dump and all that is kept goes. */
  dumpTo: string;
}

export interface UninstallContext extends Pick<
  StepContext,
  | 'product'
  | 'release'
  | 'payload'
  | 'index'
  | 'paths'
  | 'run'
  | 'recordHelm'
  | 'lockFd'
  | 'insist'
  | 'operator'
  | 'program'
  | 'again'
  | 'hide'
  | 'now'
> {
  from: string | null;
  /** The version that is removed: the installed one, or that of the unfinished install. */
  to: string;
  preflight: undefined;
  runDigest: string | undefined;
  choices: UninstallChoices;
  skipBackup: boolean;
  /** When the operator agreed that data go without a dump; undefined where nobody has. */
  agreedAt: string | undefined;
  /** Undefined with `--without-cluster`: what is there stays, and is named. */
  cluster: UninstallCluster | undefined;
  found: UninstallFindings;
  /** Where a rollback has kept the Secrets that it deleted. */
  keptSecrets: string | undefined;
  /** File that installed the release; undefined where it was not recorded. */
  installedBy: string | undefined;
}

export interface UninstallCluster {
  k3s: string;
  kubectl: Kubectl;
  helm: Helm;
  database: Postgres;
  containerd: Containerd;
}
