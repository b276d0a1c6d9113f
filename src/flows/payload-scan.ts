import { IvaapError } from '../errors.ts';
import { scanPayload, assertIntact } from '../payload/scan.ts';
import { isReceipted, receiptOf, type ScanReceipt, writeReceipt } from '../payload/scan-receipt.ts';
import type { Session } from '../session/session.ts';

export interface PayloadScanOptions {
  /** Reads the entire file although an earlier run found it intact. */
  reverify: boolean;
}

const task = 'scan';

/**
 * The scan of the entire payload, in parallel with the preparation of a run. Nothing is changed before both
 * are done.
 */
export class PayloadScan {
  readonly #session: Session;
  readonly #options: PayloadScanOptions;
  /** Of our scan that found the file intact, until it is written. */
  #receipt: ScanReceipt | undefined;

  constructor(session: Session, options: PayloadScanOptions) {
    this.#session = session;
    this.#options = options;
  }

  /**
   * Runs `prepare`, which changes nothing, in parallel with the scan, and returns its result when both are
   * done. Damage ends the preparation at once and is thrown, whatever the preparation found: exit 4. So is a
   * stop.
   */
  async inParallelWith<T>(prepare: () => Promise<T>): Promise<T> {
    const scan = this.#scan();
    scan.catch((error: unknown) => this.#session.abandon(error));
    const [scanned, prepared] = await Promise.allSettled([scan, prepare()]);
    if (scanned.status === 'rejected') throw scanned.reason;
    this.#session.signal.throwIfAborted();
    if (prepared.status === 'rejected') {
      // A file that is intact but not trusted leaves no receipt.
      if (prepared.reason instanceof IvaapError && prepared.reason.code === 'payload')
        this.#receipt = undefined;
      throw prepared.reason;
    }
    return prepared.value;
  }

  /**
   * Records for the next run that the file was found intact; call it under the lock. Without a receipt the
   * next run only scans again.
   */
  async keep(): Promise<void> {
    const receipt = this.#receipt;
    this.#receipt = undefined;
    if (receipt === undefined) return;
    const { payload, paths } = this.#session;
    await writeReceipt(payload, receipt, paths.scanReceipt).catch(() => undefined);
  }

  async #scan(): Promise<void> {
    const { payload, paths, report, signal } = this.#session;
    const started = performance.now();
    const known = !this.#options.reverify && (await isReceipted(payload, paths.scanReceipt));
    const title = known ? 'The payload was found intact before and has not changed' : 'Check the payload';
    const end = (type: 'task.completed' | 'task.failed') =>
      report({ type, task, title, durationMs: performance.now() - started });
    report({ type: 'task.started', task, title });
    if (known) return end('task.completed');
    try {
      const receipt = receiptOf(payload);
      const result = await scanPayload(payload, {
        signal,
        onProgress: ({ done, total }) => report({ type: 'task.progress', task, done, total, unit: 'bytes' }),
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
