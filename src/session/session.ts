import type { Journal } from '../engine/journal.ts';
import type { HeldLock } from '../engine/lock.ts';
import type { Redactor } from '../engine/redact.ts';
import { type Report, Reporter } from '../engine/reporter.ts';
import type { Helm } from '../host/helm.ts';
import { assertRoot } from '../host/system.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import type { Payload } from '../payload/reader.ts';
import type { Again } from '../policy/again.ts';
import { DowntimeProbe } from '../release/downtime-probe.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import { placeHelm, unplacedHelm } from './helm-placement.ts';
import { type HostTools, openHost } from './host-tools.ts';
import { takeLock } from './lock.ts';
import type { Machine } from './machine.ts';
import { type OpenedPayload, openOwnPayload } from './opened-payload.ts';
import { openJournal } from './own-state.ts';
import { type CommandPorts, type FlowPorts, onThisMachine } from './ports.ts';
import { dryRunWorkFolder } from './work-folder.ts';

export interface SessionOptions {
  /** Report what would be done, and change nothing. */
  dryRun: boolean;
  preflightOnly?: boolean;
}

/**
 * One invocation of a flow: the payload, this host and the operator. Opened once; owns what must be closed.
 */
export class Session implements OpenedPayload, AsyncDisposable {
  readonly payload: Payload;
  readonly index: PayloadIndex;
  readonly product: Product;
  readonly release: Release;
  readonly paths: ProductPaths;
  readonly machine: Machine;
  readonly reporter: Reporter;
  /** This program as it was typed. */
  readonly program: string;
  /** The command that runs, as it was typed. */
  readonly again: Again;
  readonly confirm: FlowPorts['confirm'];
  readonly prompter: FlowPorts['prompter'];
  /** Aborted when the operator asks to stop, or the session was abandoned. */
  readonly signal: AbortSignal;
  /** Aborted by a second request to stop. */
  readonly insist: AbortSignal;
  /** Runs beside the steps, and ends with them. */
  readonly downtime: DowntimeProbe;
  readonly #abandoned: AbortController;
  #tools: HostTools | undefined;
  #helm: Helm | undefined;
  #lock: HeldLock | undefined;
  #journal: Journal | undefined;

  private constructor(opened: OpenedPayload, ports: FlowPorts) {
    const { payload, index, product, release, paths } = opened;
    const abandoned = new AbortController();
    this.payload = payload;
    this.index = index;
    this.product = product;
    this.release = release;
    this.paths = paths;
    this.machine = ports.machine;
    this.reporter = new Reporter({ draw: ports.emit });
    this.downtime = new DowntimeProbe(this.reporter.report);
    this.program = ports.program;
    this.again = ports.again;
    this.confirm = ports.confirm;
    this.prompter = ports.prompter;
    this.signal = AbortSignal.any([ports.signal, abandoned.signal]);
    this.insist = ports.insist;
    this.#abandoned = abandoned;
  }

  /** Needs root. Throws `payload` when this executable carries none that can be read. */
  static async open(
    given: CommandPorts,
    { dryRun, preflightOnly = false }: SessionOptions,
  ): Promise<Session> {
    const ports = onThisMachine(given);
    const reads = dryRun || preflightOnly;
    assertRoot(ports.again(), reads ? 'reads what only root may read' : 'changes the host');
    const opened = await openOwnPayload(ports.machine);
    return new Session(dryRun ? { ...opened, paths: dryRunWorkFolder(opened.paths) } : opened, ports);
  }

  get report(): Report {
    return this.reporter.report;
  }

  get redactor(): Redactor {
    return this.reporter.redactor;
  }

  /** The host's programs. Throws `preflight` when k3s is missing; does not query the cluster. */
  async tools(): Promise<HostTools> {
    return (this.#tools ??= await openHost(this.product, this));
  }

  /** The same, if they were opened. */
  get openedTools(): HostTools | undefined {
    return this.#tools;
  }

  /** Helm at its path; whether the file exists is not checked. */
  async helm(): Promise<Helm> {
    return this.#helm ?? unplacedHelm(this, await this.tools());
  }

  /** The payload's own Helm, written below the installer's folder. */
  async placeHelm(): Promise<Helm> {
    return (this.#helm ??= await placeHelm(this, await this.tools()));
  }

  get lock(): HeldLock | undefined {
    return this.#lock;
  }

  /**
   * Locks this host until the session ends; the installer's folder is there. `command` is what was typed
   * after the program's name.
   */
  async takeLock(command: string, options: { leaveText: boolean }): Promise<void> {
    if (this.#lock !== undefined) return;
    this.#lock = await takeLock(this, command, options);
    // What was read without the lock may be outdated.
    this.#journal = undefined;
  }

  /** Reads the journal as it is now. Without the lock it must not be changed. */
  async readJournal(): Promise<Journal> {
    return (this.#journal = await openJournal(this, this.program));
  }

  /** The journal that was read last. */
  async journal(): Promise<Journal> {
    return this.#journal ?? this.readJournal();
  }

  /** Stops all queries of the host; the session ends with `reason`. */
  abandon(reason: unknown): void {
    this.#abandoned.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.downtime.end();
    this.#lock?.release();
    await this.payload.close();
  }
}
