import { IvaapError } from '../errors.ts';
import { scanPayload, assertIntact } from '../payload/scan.ts';
import { isReceipted, receiptOf, type ScanReceipt, writeReceipt } from '../payload/scan-receipt.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';
import type { FlowPorts } from '../session/ports.ts';

export interface WholeScanOptions {
  /** Reads the whole file although an earlier run found it intact. */
  reverify: boolean;
}

const task = 'scan';

/**
 * The scan of the whole payload, which goes on while a run is prepared. Nothing that either of them finds may be acted on before both
 * are done.
 */
export class WholeScan {
  readonly #opened: OpenedPayload;
  readonly #ports: FlowPorts;
  readonly #options: WholeScanOptions;
  /** Of a scan of ours that found the file intact and is not kept yet. */
  #receipt: ScanReceipt | undefined;

  constructor(opened: OpenedPayload, ports: FlowPorts, options: WholeScanOptions) {
    this.#opened = opened;
    this.#ports = ports;
    this.#options = options;
  }

  /**
   * Runs `prepare`, which changes nothing, beside the scan, and gives its result when both are done. Damage ends the preparation at once
   * and is what is thrown, whatever that found: exit 4. So does a stop, whose reason is thrown.
   */
  async beside<P extends FlowPorts, T>(ports: P, prepare: (ports: P) => Promise<T>): Promise<T> {
    const damaged = new AbortController();
    const signal = AbortSignal.any([ports.signal, damaged.signal]);
    const scan = this.#scan();
    scan.catch((error: unknown) => damaged.abort(error));
    const [scanned, prepared] = await Promise.allSettled([scan, prepare({ ...ports, signal })]);
    if (scanned.status === 'rejected') throw scanned.reason;
    ports.signal.throwIfAborted();
    if (prepared.status === 'rejected') {
      // A file that is whole and not trusted leaves nothing behind.
      if (prepared.reason instanceof IvaapError && prepared.reason.code === 'payload')
        this.#receipt = undefined;
      throw prepared.reason;
    }
    return prepared.value;
  }

  /** Lets the next run know that the file was found intact; call it under the lock. Without that the next run scans again, no more. */
  async keep(): Promise<void> {
    const receipt = this.#receipt;
    this.#receipt = undefined;
    if (receipt === undefined) return;
    const { payload, paths } = this.#opened;
    await writeReceipt(payload, receipt, paths.scanReceipt).catch(() => undefined);
  }

  async #scan(): Promise<void> {
    const { payload, paths } = this.#opened;
    const { emit, signal } = this.#ports;
    const begun = performance.now();
    const at = () => new Date().toISOString();
    const known = !this.#options.reverify && (await isReceipted(payload, paths.scanReceipt));
    const title = known
      ? 'The payload was found intact before and has not changed since'
      : 'Check the payload';
    const end = (type: 'task.completed' | 'task.failed') =>
      emit({ type, at: at(), task, title, durationMs: performance.now() - begun });
    emit({ type: 'task.started', at: at(), task, title });
    if (known) return end('task.completed');
    try {
      const receipt = receiptOf(payload);
      const result = await scanPayload(payload, {
        signal,
        onProgress: ({ done, total }) =>
          emit({ type: 'task.progress', at: at(), task, done, total, unit: 'bytes' }),
      });
      assertIntact(payload, result);
      this.#receipt = receipt;
    } catch (error) {
      end('task.failed');
      throw error;
    }
    end('task.completed');
  }
}
