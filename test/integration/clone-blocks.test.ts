import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ociArchive } from '../fixtures/image-archives.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { tinyHead, tinyImages, writeTinySpec } from '../fixtures/tiny-payload.ts';

/** Packing on XFS, in a file that is mounted where nobody else sees it. */

const root = join(import.meta.dirname, '../..');
const mib = 2 ** 20;
let scratch: string;
before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'clone-blocks-'));
});
after(() => rmSync(scratch, { recursive: true, force: true }));

/**
 * Writes the specs there with a layer of 24 MiB: from a folder, and from a tar, whose blobs are at no block's
 * beginning.
 */
async function writeSpecs(folder: string): Promise<void> {
  const images = tinyImages('2026.1', 24 * mib + 100);
  writeTinySpec(folder, { bigLayerBytes: 24 * mib + 100 });
  writeFileSync(join(folder, 'head'), tinyHead());
  writeFileSync(join(folder, 'images.tar'), await ociArchive(images));
  const spec = readFileSync(join(folder, 'release.yaml'), 'utf8');
  writeFileSync(join(folder, 'from-tar.yaml'), spec.replaceAll('ociLayout: oci', 'archive: images.tar'));
}

const packScript = `
pack() { "$NODE" "$ROOT/build/pack.ts" "$1" -o "$2" --executable "$(dirname "$1")/head" >&2; }
used() { sync; df --output=used -k "$1" | tail -1; }
`;

test('on a file system that shares blocks, packing takes room for what is new, and gives the same bytes', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('mounting needs root');
  const disk = join(scratch, 'disk');
  const mounted = join(scratch, 'mounted');
  const plain = join(scratch, 'plain');
  for (const folder of [mounted, plain]) execFileSync('mkdir', [folder]);
  await writeSpecs(plain);
  execFileSync('truncate', ['-s', '600M', disk]);
  execFileSync('mkfs.xfs', ['-q', '-m', 'reflink=1', disk]);
  const script = `set -e
    ${packScript}
    mount -o loop "$1" "$2"
    cp -r "$3/." "$2/"
    before=$(used "$2")
    pack "$2/release.yaml" "$2/packed"
    between=$(used "$2")
    pack "$2/from-tar.yaml" "$2/packed-from-tar"
    behind=$(used "$2")
    pack "$3/release.yaml" "$3/packed"
    cmp "$2/packed" "$3/packed"
    cmp "$2/packed-from-tar" "$3/packed"
    umount "$2"
    echo $((between - before)) $((behind - between))`;
  const { exitCode, stdout, stderr } = await runProgram(
    ['unshare', '--mount', 'bash', '-c', script, 'bash', disk, mounted, plain],
    { env: { NODE: process.execPath, ROOT: root } },
  );
  assert.equal(exitCode, 0, stderr);
  const [fromFolder = 0, fromTar = 0] = stdout.split(' ').map((kib) => Number(kib) / 1024);
  assert.ok(fromFolder < 4, `${fromFolder} MiB for a file that shares 24 MiB`);
  assert.ok(fromTar > 20, `${fromTar} MiB where nothing can be shared`);
});
