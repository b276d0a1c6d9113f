import type { KubeObject, Manifest } from '../host/kubectl.ts';
import type { OwnedField } from '../policy/field-paths.ts';

/** An object as the API server gives it. */
export type ServerObject = KubeObject & { spec?: Record<string, unknown>; [member: string]: unknown };

/** An object of the chart to come, held against the cluster. */
export interface Answer {
  /** With the labels by which Helm knows its own. */
  manifest: Manifest;
  live?: ServerObject;
  /** As Helm would leave it, defaults of the server included; absent where that is refused or was not answered. */
  next?: ServerObject;
  conflicts: OwnedField[];
  /** What else the server says against it. */
  refusal?: string;
}

/** What Helm compares with. */
export interface DeployedRecord {
  revision: number;
  lastRevision: number;
  objects: Manifest[];
  /** Those of kinds that this server no longer knows: Helm cannot even read its own record. */
  unserved: Manifest[];
  live(manifest: Manifest): ServerObject | undefined;
}

export interface ServerAnswers {
  objects: Answer[];
  /** undefined where there is no record. */
  deployed: DeployedRecord | undefined;
}
