import type { Journal } from '../engine/journal.ts';
import type { RunRecord } from '../engine/state.ts';
import type { Containerd } from '../host/containerd.ts';
import type { Helm } from '../host/helm.ts';
import type { Kubectl, Manifest } from '../host/kubectl.ts';
import type { HelmJournal } from '../host/helm-process.ts';
import type { Postgres } from '../host/postgres.ts';
import type { Runner } from '../host/runner.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import type { Payload } from '../payload/reader.ts';
import type { Again } from '../policy/again.ts';
import type { ChosenConnectors } from '../policy/connectors.ts';
import type { PreflightReport, Waiver } from '../policy/preflight-report.ts';
import type { SchemaVerdict } from '../policy/schema-verdict.ts';
import type { DowntimeProbe } from './downtime-probe.ts';
import type { KeptData } from './kept-data.ts';
import type { License } from './license-file.ts';
import type { OtherOnPath } from '../policy/other-on-path.ts';
import type { ProductPaths } from './product-paths.ts';
import type { PgDump } from '../backup/dump-record.ts';
import type { MajorChange } from '../backup/upgrade-results.ts';
import type { DataFolder, RestoreTarget } from './restore-record.ts';
import type { ServerAnswers } from './answered-objects.ts';
import type { ValuesFile } from './values-file.ts';
import type { WayBack } from '../backup/way-back.ts';

/**
 * What every step of every flow gets: product and release as data, the payload, the host's tools, the run.
 */
export interface StepContext {
  product: Product;
  release: Release;
  payload: Payload;
  index: PayloadIndex;
  paths: ProductPaths;
  runner: Runner;
  /** Absolute path of the host's k3s program. */
  k3s: string;
  kubectl: Kubectl;
  helm: Helm;
  database: Postgres;
  containerd: Containerd;
  /** Which connectors' images are needed: those that the licence grants, and those that run already. */
  entitlements: readonly string[];
  /** The lock's file descriptor, inherited by Helm: an orphaned Helm keeps the lock. */
  lockFd: number;
  /** The run as recorded, for what a step must know of earlier attempts. */
  run(): Readonly<RunRecord> | undefined;
  /** What the journal records of Helm, however the run that started it ended. */
  helmJournal(): HelmJournal;
  /** Durable before it resolves; merged into the record. */
  recordHelm(kept: HelmJournal): Promise<void>;
  /** What there is for the way back, as the journal knows it now. */
  wayBack(): WayBack;
  /** Version that last completed; null on an empty host. */
  from: string | null;
  to: string;
  /** The person behind sudo. */
  operator: string;
  /** This program as it was typed. */
  program: string;
  /** The command that runs, as it was typed. */
  again: Again;
  /** Aborted when the operator asks a second time to stop. */
  insist: AbortSignal;
  /** Measures how long the product does not answer, from before Helm until the run ends. */
  downtime: Pick<DowntimeProbe, 'begin'>;
  /** Keeps a secret out of everything that is printed, logged or recorded. */
  hide(secret: string): void;
  now(): Date;
  /** What preflight measured, once that is done. */
  preflight: PreflightReport | undefined;
  /** What the operator waives, each with a reason: checks and health steps. */
  waivers: readonly Waiver[];
  /**
   * Where images come from: `auto` uses an archive on disk when it has what is needed, and the payload for
   * the rest.
   */
  imagesFrom: 'auto' | 'disk' | 'payload';
  /** Writes archives on disk again from the payload. */
  refreshArchives: boolean;
}

/** Of `install --upgrade`: the host has a completed installation. */
export interface UpgradeContext extends StepContext {
  from: string;
  /** Path of the file that installed `from`; undefined where it was not recorded. */
  installedBy: string | undefined;
  values: ValuesFile;
  /** How the last rehearsal of this upgrade ended, where it is not too old; one line. */
  rehearsed: string | undefined;
  /** The installed one. */
  license: License | undefined;
  /** Durable before it resolves: what became of the schema since Helm first started, as last asked. */
  recordSchema(verdict: SchemaVerdict): Promise<void>;
  skipBackup: boolean;
  /** The data go to another major version of PostgreSQL; undefined: they stay where they are. */
  majorChange: MajorChange | undefined;
  /** Durable before it resolves: a data folder that is about to be moved aside. */
  recordDataFolder(folder: DataFolder): Promise<void>;
  /** Helm takes over fields that others have taken from it, also in its rollback. */
  forceConflicts: boolean;
  /**
   * The objects of this payload's chart with the values that the release will have, rendered once. Holds
   * secrets.
   */
  rendered(options?: { hooks: boolean }): Promise<Manifest[]>;
  /** What the API server says of those objects and of the live ones, queried once. Holds secrets. */
  answers(signal: AbortSignal): Promise<ServerAnswers>;
}

/** Of `install --upgrade --rehearse`. */
export interface RehearsalContext extends UpgradeContext {
  /** Name of the copy and of its role, as they are made; how the role logs in. */
  copy: { name: string; password: string };
  /** Durable before it resolves. */
  journal: Pick<Journal, 'state' | 'update'>;
}

/** Of a fresh install: the operator's answers. */
export interface InstallContext extends StepContext {
  fqdn: string;
  storagePath: string;
  /** Instead of the folder: the database lies on a volume of this class. */
  storageClass: string | undefined;
  /** Undefined: all that the licence grants. */
  connectors: ChosenConnectors | undefined;
  /** The operator's own values file, instead of the payload's template. */
  valuesFrom: { path: string; text: string } | undefined;
  license: License | undefined;
  /** What an uninstall has recorded of the data that it kept in `storagePath`. */
  keptData: KeptData | undefined;
  /** The record of the install: also while a rollback runs, whose own record is `run`. */
  install(): Readonly<RunRecord> | undefined;
  /** What a rollback took of the data before this install made new ones; undefined: nothing is missing. */
  dumpToBringBack(): PgDump | undefined;
  /** Where a rollback has kept the Secrets that it deleted, until an install is complete. */
  keptSecrets(): string | undefined;
  /** Durable before it resolves. */
  recordKeptSecrets(path: string): Promise<void>;
}

/** Of `install --rollback-to`. */
export interface RollbackContext extends InstallContext {
  /** The step that the next install begins with. */
  step: string;
  /** Ids of the install's steps that are undone, newest first. */
  undone: readonly string[];
  skipBackup: boolean;
  journal: Pick<Journal, 'state' | 'update'>;
}

/** Of `restore`, and of `restore --undo`. */
export interface RestoreContext extends StepContext {
  from: string;
  /** Durable before it resolves: what takes this restore back, as far as it has come. */
  recordRestored(known: { moved?: string; kept?: string }): Promise<void>;
  /** Durable before it resolves: a data folder that is about to be moved aside. */
  recordDataFolder(folder: DataFolder): Promise<void>;
  target: RestoreTarget;
  /** What the names on PATH start, where that is another release than the one that comes back. */
  onPath: OtherOnPath | undefined;
  /** Path of the file that installed what is there now; undefined where it was not recorded. */
  installedBy: string | undefined;
  /** Path of the package of the release that comes back; undefined where none was named. */
  oldPackage: string | undefined;
  skipBackup: boolean;
}
