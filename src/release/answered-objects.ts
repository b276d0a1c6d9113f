import type { KubeObject, Manifest } from '../host/kubectl.ts';
import type { OwnedField } from '../policy/field-paths.ts';

/** An object as the API server returns it. */
export type ServerObject = KubeObject & { spec?: Record<string, unknown>; [member: string]: unknown };

/** An object of the new chart, compared with the cluster. */
export interface Answer {
  /** With the labels by which Helm recognizes its own objects. */
  manifest: Manifest;
  live?: ServerObject;
  /** As Helm would leave it, with the server's defaults; absent where that is refused or not answered. */
  next?: ServerObject;
  conflicts: OwnedField[];
  /** Any other refusal of the server. */
  refusal?: string;
}

/** The record that Helm compares with. */
export interface DeployedRecord {
  revision: number;
  lastRevision: number;
  objects: Manifest[];
  /** Objects of kinds that this server no longer serves: Helm cannot even read its own record. */
  unserved: Manifest[];
  live(manifest: Manifest): ServerObject | undefined;
}

export interface ServerAnswers {
  objects: Answer[];
  /** undefined where there is no record. */
  deployed: DeployedRecord | undefined;
}
