import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openPayload } from '../../src/payload/open-payload.ts';
import { scanPayload } from '../../src/payload/scan.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { inOwnMounts } from '../fixtures/own-mounts.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/**
 * A scan is to stop within 200 ms, also of a slow disk: each thread at the end of the piece that it is
 * reading.
 */

const mib = 2 ** 20;
/** Threads that scan a file of this size on two processors or more. */
const threads = 3;
const executable = builtExecutable();
// In front bytes for the slow disk, behind them a hole that lasts longer than it takes to hear of the first
// chunk.
const tiny = await makeTinyPayload({ bigLayerBytes: 64 * mib, padToBytes: 1024 * mib });
after(() => tiny.remove());

const field = (file: string, name: RegExp) => Number(name.exec(readFileSync(file, 'utf8'))?.[1]);

test('no thread of a scan reads more than the piece that it is at once the scan is aborted', async (t) => {
  const read = () => field('/proc/self/io', /^rchar: (\d+)$/m);
  const more: number[] = [];
  for (let run = 0; run < 8; run += 1) {
    const payload = await openPayload(tiny.path);
    const stop = new AbortController();
    const readAtStart = read();
    let before = 0;
    let isBegun = false;
    const abort = () => {
      stop.abort(new Error('stopped'));
      before = read();
    };
    // Not as soon as a chunk is done, for a thread is at the beginning of the next one then.
    const onProgress = () => {
      if (!isBegun) setTimeout(abort, 5 + run);
      isBegun = true;
    };
    await assert.rejects(scanPayload(payload, { onProgress, signal: stop.signal }), /stopped/);
    more.push((read() - before) / mib / threads);
    assert.ok(read() - readAtStart < tiny.index.fileSize / 2, 'it was nearly done before it was stopped');
    await payload.close();
  }
  t.diagnostic(`MiB a thread: ${more.map((each) => each.toFixed(2)).join(', ')}`);
  // And what this process itself reads: the counts.
  assert.ok(Math.max(...more) <= 1.1, `${Math.max(...more)} MiB a thread`);
});

/**
 * A disk of 20 MB/s: a file that is mounted where nobody else sees it, whose readers are held back in a
 * cgroup.
 */
const bytesPerSecond = 20_000_000;
const folder = mkdtempSync(join(tmpdir(), 'scan-stop-'));
const group = join('/sys/fs/cgroup/blkio', basename(folder));
const [disk, mounted] = [join(folder, 'disk'), join(folder, 'mounted')];
before(() => {
  mkdirSync(mounted);
  mkdirSync(group);
  execFileSync('truncate', ['-s', '400M', disk]);
  execFileSync('mkfs.xfs', ['-q', disk]);
  const [unshare, ...args] = inOwnMounts(`mount -o loop ${disk} ${mounted}`, ['cp', tiny.path, mounted]);
  execFileSync(unshare, args);
});
after(() => {
  rmdirSync(group);
  rmSync(folder, { recursive: true });
});

/** Milliseconds from the signal, in the midst of the reading, to the end. */
async function stoppedAmidst(): Promise<number> {
  // A mount has a cache of its own, so each run finds an empty one.
  const slow = `mount -o loop,ro ${disk} ${mounted}
    device=$(findmnt -no MAJ:MIN ${mounted})
    echo $device ${bytesPerSecond} >${group}/blkio.throttle.read_bps_device
    echo $$ >${group}/cgroup.procs`;
  let pid = 0;
  const argv = inOwnMounts(slow, [executable, 'verify', join(mounted, basename(tiny.path))]);
  const ended = runProgram(argv, { started: (started) => (pid = started) });
  const isAmidst = () => pid !== 0 && field(`/proc/${pid}/io`, /^rchar: (\d+)$/m) > 12 * mib;
  for (let waited = 0; !isAmidst(); waited += 5) {
    assert.ok(waited < 60_000, 'a minute passed without much being read');
    await delay(5);
  }
  const signalled = performance.now();
  process.kill(pid, 'SIGINT');
  const { exitCode, stdout, stderr } = await ended;
  const ms = performance.now() - signalled;
  assert.equal(exitCode, 130, stderr);
  assert.equal(stdout, '');
  return ms;
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

test('SIGINT during verify from a slow disk is answered within 200 ms', async (t) => {
  const stops = [];
  const starts = [];
  for (let run = 0; run < 5; run += 1) {
    const startedAt = performance.now();
    await runProgram([executable, '-v']);
    starts.push(performance.now() - startedAt);
    stops.push(await stoppedAmidst());
  }
  const list = stops.map((ms) => ms.toFixed(0)).join(', ');
  t.diagnostic(`${list} ms; a start takes ${median(starts).toFixed(0)} ms`);
  // On a machine that has other work to do, a start takes longer too.
  assert.ok(median(stops) <= 200 + median(starts), list);
});
