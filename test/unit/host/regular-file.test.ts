import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readState } from '../../../src/engine/state.ts';
import { causeChain } from '../../../src/errors.ts';
import { flockLock, readHolder } from '../../../src/host/lock.ts';
import { readRegular, readRegularText } from '../../../src/host/regular-file.ts';
import { createRunner } from '../../../src/host/runner.ts';
import { inspectDiskArchive, openOurArchive } from '../../../src/images/disk-archive.ts';
import { tarFiles } from '../../../src/images/tar-files.ts';
import { startsAsWritten } from '../../../src/images/written-archive.ts';
import { chartFacts } from '../../../src/release/chart-tree.ts';
import { readLicense } from '../../../src/release/license-file.ts';
import { readValuesFile } from '../../../src/release/values-file.ts';
import { makeTinyPayload, type TinyPayload } from '../../fixtures/tiny-payload.ts';

/** What reads a file of the host, and must neither wait for a pipe nor take a device for text. */
const folder = mkdtempSync(join(tmpdir(), 'regular-'));
let server: Server;
let tiny: TinyPayload;
before(async () => {
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  mkdirSync(join(folder, 'folder'));
  server = createServer().listen(join(folder, 'socket'));
  tiny = await makeTinyPayload();
});
after(() => {
  server.close();
  tiny.remove();
  rmSync(folder, { recursive: true });
});

const kinds = [
  ['pipe', /it is a named pipe and not a regular file/],
  ['folder', /it is a folder and not a regular file/],
  ['socket', /it is a socket and not a regular file/],
  ['/dev/zero', /it is a device and not a regular file/],
] as const;
const at = (name: string) => (name.startsWith('/') ? name : join(folder, name));

async function soon<T>(promise: Promise<T>): Promise<T> {
  const late = new AbortController();
  const limit = sleep(5_000, undefined, { signal: late.signal }).then(() => assert.fail('it waits'));
  try {
    return await Promise.race([promise, limit]);
  } finally {
    late.abort();
    limit.catch(() => undefined);
  }
}

for (const [name, why] of kinds) {
  test(`${name} in the place of a file is refused at once, with a message`, async () => {
    const path = at(name);
    const archive = () => tiny.index.archives[0]!;
    const says = (error: unknown) => {
      assert.match(causeChain(error).join(' | '), why);
      return true;
    };
    await assert.rejects(soon(readRegular(path)), says);
    await assert.rejects(soon(readValuesFile(path, './ivaap')), says);
    await assert.rejects(soon(readLicense(path, { name: 'tiny', entitlements: {} }, new Date())), says);
    await assert.rejects(soon(openOurArchive(path, tiny.index, archive())), says);
    await assert.rejects(soon(tarFiles(path).next()), says);
    const found = await soon(inspectDiskArchive(path, tiny.index, archive(), new Set()));
    assert.ok(found.kind === 'damaged');
    assert.match(found.why, why);
    await assert.rejects(soon(readState(path)), /nothing is read or written through it/);
    assert.equal(await soon(startsAsWritten(path).catch(() => false)), false);
    const chart = join(folder, `chart-${kinds.findIndex(([kind]) => kind === name)}`);
    mkdirSync(chart);
    execFileSync('ln', ['-s', path, join(chart, 'Chart.yaml')]);
    assert.equal(await soon(chartFacts(chart)), undefined);
  });
}

test('a named pipe in the place of the lock is refused, and says nothing of a holder', async () => {
  const path = at('pipe');
  assert.equal(readHolder(path), undefined);
  const asked = { command: 'x', version: '1', by: 'me', hint: 'x', whileOrphaned: () => Promise.resolve() };
  await assert.rejects(
    soon(flockLock({ path, runner: createRunner(), ...asked }).acquire()),
    /cannot be opened/,
  );
});

test('a regular file is read, through links too', async () => {
  writeFileSync(join(folder, 'file'), 'grün');
  execFileSync('ln', ['-s', 'file', join(folder, 'link')]);
  assert.equal(await readRegularText(join(folder, 'link')), 'grün');
  await assert.rejects(readRegular(join(folder, 'nothing')), { code: 'ENOENT' });
});
