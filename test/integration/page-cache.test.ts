import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openPayload } from '../../src/payload/open-payload.ts';
import { scanPayload } from '../../src/payload/scan.ts';
import { makeTinyPayload, type TinyPayload } from '../fixtures/tiny-payload.ts';

describe('the scan and the page cache', () => {
  let tiny: TinyPayload;
  before(async () => {
    tiny = await makeTinyPayload({ bigLayerBytes: 96 * 2 ** 20 });
    execFileSync('sync', [tiny.path]);
  });
  after(() => tiny.remove());

  const residentBytes = () =>
    Number(execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', tiny.path]));
  const damagesOf = async (path: string) => {
    const payload = await openPayload(path);
    try {
      return (await scanPayload(payload)).damages;
    } finally {
      await payload.close();
    }
  };

  it('leaves a file out of it that was not there', async () => {
    execFileSync('dd', [`if=${tiny.path}`, 'iflag=nocache', 'count=0', 'status=none']);
    const before = residentBytes();
    assert.ok(before < 2 ** 20, `${before} bytes are cached before the scan`);
    assert.deepEqual(await damagesOf(tiny.path), []);
    const after = residentBytes();
    assert.ok(after < 8 * 2 ** 20, `${after} bytes are cached after the scan`);
  });

  it('reads what is there from there, and leaves it', async () => {
    readFileSync(tiny.path);
    const before = residentBytes();
    assert.deepEqual(await damagesOf(tiny.path), []);
    const after = residentBytes();
    // The kernel may take pages back meanwhile, for reasons of its own.
    assert.ok(after > before / 2, `${before} bytes were cached before the scan, ${after} are after it`);
  });

  it('needs no file system that reads past it', async () => {
    const folder = mkdtempSync('/dev/shm/scan-');
    try {
      copyFileSync(tiny.path, join(folder, 'copy'));
      assert.deepEqual(await damagesOf(join(folder, 'copy')), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
