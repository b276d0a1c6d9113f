import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runProgram } from '../fixtures/run-program.ts';
import { tinyHead, writeTinySpec } from '../fixtures/tiny-payload.ts';

/** Packing onto a file system in memory that is too small, mounted where nobody else sees it. */

const root = join(import.meta.dirname, '../..');
const mib = 2 ** 20;
let scratch: string;
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'pack-full-disk-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

test('a disk that is full ends packing in one line, and leaves nothing on it', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting needs root');
  const spec = writeTinySpec(scratch, { bigLayerBytes: 40 * mib });
  const head = join(scratch, 'head');
  writeFileSync(head, tinyHead());
  const small = join(scratch, 'small');
  mkdirSync(small);
  const script = `
    mount -t tmpfs -o size=24M tmpfs "$1" || exit 99
    "$NODE" "$ROOT/build/pack.ts" "$2" -o "$1/packed" --executable "$3"
    code=$?
    ls -A "$1"
    umount "$1"
    exit $code`;
  const { exitCode, stdout, stderr } = await runProgram(
    ['unshare', '--mount', 'bash', '-c', script, 'bash', small, spec, head],
    { env: { NODE: process.execPath, ROOT: root } },
  );
  assert.match(stderr, /^ENOSPC: no space left on device, write\n$/);
  assert.equal(exitCode, 2);
  assert.equal(stdout, '');
});
