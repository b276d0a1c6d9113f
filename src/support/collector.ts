import type { Certificate } from '../host/api-server.ts';
import type { Runner } from '../host/runner.ts';
import type { NamespaceView } from '../host/namespace-view.ts';
import type { Room } from '../host/mounts.ts';
import type { Known } from '../known.ts';
import type { PreflightReport } from '../policy/preflight-report.ts';
import type { StatusReport } from '../queries/status-schema.ts';
import type { Trouble } from '../release/troubles.ts';
import type { HostTools } from '../session/host-tools.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';
import type { CommandPorts } from '../session/ports.ts';
import type { Machine } from '../session/machine.ts';

/** A file of the bundle: text, with its secrets until the bundle is complete. */
export interface Document {
  /** In the bundle, below the collector's id. */
  name: string;
  text: string;
}

/** What collectors found out that says what is wrong; absent: not asked, or no answer in time. */
export interface Facts {
  status?: StatusReport;
  /** The API server's version. */
  cluster?: Known<string>;
  preflight?: Known<PreflightReport>;
  /** The database's schema version. */
  schema?: Known<number>;
  rooms?: { path: string; room: Room; reserveBytes: number }[];
  troubles?: { trouble: Trouble; log: readonly string[] }[];
  /** Certificates of the cluster that are in use and have expired. */
  expired?: Certificate[];
  /** Of the kernel, oldest first. */
  outOfMemory?: string[];
  diskErrors?: string[];
}

export interface SupportContext {
  opened: OpenedPayload;
  machine: Machine;
  ports: CommandPorts;
  /** Programs of the host; needs no k3s. */
  runner: Runner;
  /** Ends this collector: its time is over, or the operator stopped all. */
  signal: AbortSignal;
  facts: Facts;
  /** Asked once for all collectors. */
  status(): Promise<StatusReport>;
  /** k3s and what it talks to; throws where the cluster does not answer. */
  host(): Promise<HostTools>;
  /** k3s alone: containerd answers while the API server is down. */
  tools(): Promise<HostTools>;
  namespace(): Promise<NamespaceView>;
  /** Keeps a document. What was added stays when the collector fails later or its time is over. */
  add(name: string, text: string): void;
  /** A secret of this host: it is removed from all documents. */
  hide(secret: string): void;
}

/** One part of the bundle, as a value. */
export interface Collector {
  id: string;
  title: string;
  /** Milliseconds. */
  timeoutMs: number;
  /** An error that it throws is what the report says is missing. */
  collect(ctx: SupportContext): Promise<void>;
}

/** How a collector ended. */
export interface Collected {
  id: string;
  title: string;
  tookMs: number;
  documents: Document[];
  /** Why something is missing; undefined where all of it is there. */
  missing?: string;
}
