import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, openSync, rmSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { IvaapError } from '../../../src/errors.ts';
import { type FlowPorts } from '../../../src/session/ports.ts';
import { thisMachine } from '../../../src/session/machine.ts';
import { Session } from '../../../src/session/session.ts';
import { PayloadScan } from '../../../src/flows/payload-scan.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

const skip = process.geteuid?.() === 0 ? false : 'receipts are for root alone';

describe('the scan during the preparation of a run', { skip }, () => {
  let tiny: TinyPayload;
  let damaged: string;
  const root = skip === false ? mkdtempSync('/var/lib/payload-scan-') : '';
  before(async () => {
    tiny = await makeTinyPayload({ bigLayerBytes: 9_000_000 });
    damaged = join(tiny.folder, 'damaged');
    copyFileSync(tiny.path, damaged);
    const layer = tiny.index.entries.find(({ size }) => size > 8_000_000)!;
    writeSync(openSync(damaged, 'r+'), Buffer.from('changed'), 0, 7, layer.offset + 5_000_000);
  });
  after(() => {
    tiny.remove();
    rmSync(root, { recursive: true, force: true });
  });

  /** One run over a file: what was reported, and whether the scan read anything. */
  async function run<T>(
    prepare: (session: Session) => Promise<T>,
    options: { path?: string; reverify?: boolean; keep?: boolean; signal?: AbortSignal } = {},
  ) {
    const events: EngineEvent[] = [];
    const ports: FlowPorts = {
      machine: { ...thisMachine, executable: options.path ?? tiny.path },
      emit: (event) => events.push(event),
      signal: options.signal ?? new AbortController().signal,
      insist: new AbortController().signal,
      program: './tiny',
      again: () => './tiny install',
      confirm: undefined,
    };
    await using session = await Session.open(ports, { dryRun: false });
    session.paths.scanReceipt = join(root, 'scan-receipt.json');
    const scan = new PayloadScan(session, { reverify: options.reverify === true });
    try {
      const value = await scan.inParallelWith(() => prepare(session));
      return { value, error: undefined, events, read: events.some(isProgress) };
    } catch (error) {
      return { value: undefined, error, events, read: events.some(isProgress) };
    } finally {
      if (options.keep === true) await scan.keep();
    }
  }
  const isProgress = ({ type }: EngineEvent) => type === 'task.progress';
  const forget = () => rmSync(join(root, 'scan-receipt.json'), { force: true });
  const nothing = () => Promise.resolve('prepared');

  it('gives what was prepared when both are done', async () => {
    const { value, events } = await run(nothing);
    assert.equal(value, 'prepared');
    assert.deepEqual([events.at(0)?.type, events.at(-1)?.type], ['task.started', 'task.completed']);
  });

  it('throws a refusal only after all was read', async () => {
    const refusal = new IvaapError('version', 'too far');
    const { error, events } = await run(() => Promise.reject(refusal));
    assert.equal(error, refusal);
    assert.equal(events.at(-1)?.type, 'task.completed');
  });

  it('lets damage win over a refusal: exit 4', async () => {
    const { error } = await run(() => Promise.reject(new IvaapError('version', 'too far')), {
      path: damaged,
    });
    assert.ok(error instanceof IvaapError);
    assert.equal(error.exitCode, 4);
    assert.match(error.message, /is damaged: blobs\/sha256/);
  });

  it('stops a preparation that continues when damage is found', async () => {
    let reason: unknown;
    const { error } = await run(
      ({ signal }) =>
        new Promise((done) => {
          signal.addEventListener('abort', () => ((reason = signal.reason), done('late')), { once: true });
        }),
      { path: damaged },
    );
    assert.ok(error instanceof IvaapError && error.code === 'payload');
    assert.equal(reason, error);
  });

  it('ends with the reason when it is stopped, and so does the preparation', async () => {
    const stop = new AbortController();
    const reason = new IvaapError('interrupted', 'stopped');
    const { error } = await run(
      ({ signal }) => {
        stop.abort(reason);
        return Promise.reject(signal.reason as Error);
      },
      { signal: stop.signal, keep: true },
    );
    assert.equal(error, reason);
    assert.equal(existsSync(join(root, 'scan-receipt.json')), false, 'what was not read to its end');
  });

  it('answers the second run from the receipt of the first, until the file changes or --reverify asks', async () => {
    forget();
    assert.equal((await run(nothing, { keep: true })).read, true);
    const second = await run(nothing);
    assert.deepEqual([second.read, second.value], [false, 'prepared']);
    assert.equal((await run(nothing, { reverify: true })).read, true);
    utimesSync(tiny.path, new Date(), new Date());
    assert.equal((await run(nothing)).read, true);
    forget();
  });

  it('keeps a receipt also when the run was refused, and none of a damaged file', async () => {
    const refused = () => Promise.reject(new IvaapError('preflight', 'no room'));
    await run(refused, { keep: true });
    assert.equal((await run(nothing)).read, false);
    forget();
    await run(nothing, { path: damaged, keep: true });
    assert.equal(existsSync(join(root, 'scan-receipt.json')), false);
  });
});
