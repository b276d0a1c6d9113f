import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packPayload } from '../../build/pack-payload.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { packSecondProduct } from '../fixtures/second-product/pack.ts';
import { writeTinySpec } from '../fixtures/tiny-payload.ts';

describe('the executable', () => {
  let folder: string;
  let empty: string;
  let packed: Awaited<ReturnType<typeof packSecondProduct>>;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'executable-'));
    empty = builtExecutable();
    packed = await packSecondProduct(join(folder, 'second'), empty);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const run = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8' });

  it('without a payload says so and exits 4', () => {
    const { status, stderr } = run(empty, 'manifest');
    assert.equal(status, 4);
    assert.match(stderr, /this executable carries no payload/);
  });

  it('names the product that was packed onto it, and nothing in it is of another product', () => {
    assert.equal(run(packed.path, '-v').stdout, 'lhctl 2025.4.1\n');
    const manifest = run(packed.path, 'manifest', '--json');
    assert.equal(manifest.status, 0, manifest.stderr);
    assert.match(manifest.stdout, /docker\.example\/lighthouse\/lamp:2025\.4\.1/);
    assert.doesNotMatch(manifest.stdout, /ivaap/i);
  });

  it('gives out a file and an archive with the hashes of its index', () => {
    for (const name of ['charts/lighthouse/Chart.yaml', 'images/all.tar.gz', 'tools/helm']) {
      const out = join(folder, 'out');
      rmSync(out, { force: true });
      const { status, stderr } = run(packed.path, 'extract-file', name, out);
      assert.equal(status, 0, stderr);
      const described = [...packed.index.entries, ...packed.index.archives].find((one) => one.name === name);
      assert.equal(createHash('sha256').update(readFileSync(out)).digest('hex'), described?.sha256);
      if (name.endsWith('.gz')) assert.ok(gunzipSync(readFileSync(out)).length > 1024);
    }
  });

  it('proves itself, and names what is damaged after a byte changed', () => {
    assert.equal(run(packed.path, 'verify').status, 0);
    const damaged = join(folder, 'damaged');
    const bytes = readFileSync(packed.path);
    const tool = packed.index.entries.find(({ name }) => name === 'tools/helm')!;
    bytes[tool.offset]! ^= 1;
    copyFileSync(packed.path, damaged);
    // Written over the copy, which keeps its mode.
    execFileSync('dd', [`of=${damaged}`, 'bs=1', `seek=${tool.offset}`, 'conv=notrunc', 'status=none'], {
      input: bytes.subarray(tool.offset, tool.offset + 1),
    });
    for (const [program, ...args] of [
      [damaged, 'verify'] as const,
      [packed.path, 'verify', damaged] as const,
    ]) {
      const { status, stdout, stderr } = run(program, ...args);
      assert.equal(status, 4);
      assert.match(stdout + stderr, /tools\/helm/);
    }
  });

  it('that was cut off says how far it is complete', () => {
    const cut = join(folder, 'cut');
    copyFileSync(packed.path, cut);
    truncateSync(cut, packed.index.entries[3]!.offset + 1);
    const { status, stderr } = run(cut, '-v');
    assert.equal(status, 4);
    assert.match(stderr, new RegExp(`complete up to ${packed.index.entries[2]!.name}`));
  });

  it('reads itself after its file was renamed', () => {
    const other = join(folder, 'other');
    copyFileSync(packed.path, other);
    renameSync(other, `${other}.renamed`);
    assert.equal(run(`${other}.renamed`, '-v').status, 0);
  });

  it('takes no orders from NODE_OPTIONS', () => {
    const touched = join(folder, 'touched');
    const order = join(folder, 'order.cjs');
    writeFileSync(order, `require('node:fs').writeFileSync(${JSON.stringify(touched)}, '')`);
    const env = { ...process.env, NODE_OPTIONS: `--require=${order}` };
    assert.equal(spawnSync(packed.path, ['-v'], { env }).status, 0);
    assert.equal(existsSync(touched), false);
    spawnSync(process.execPath, ['-e', '0'], { env });
    assert.equal(existsSync(touched), true, 'the order itself is a valid one');
  });

  const pythonReads = `
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert sys.argv[2] == 'sparse' or archive.testzip() is None
print(len(archive.infolist()), archive.getinfo('tools/helm').external_attr >> 16 & 0o777)`;

  it('is a zip archive to unzip, zipinfo and Python, below four gibibytes and above', async () => {
    const spec = writeTinySpec(join(folder, 'tiny'));
    const large = join(folder, 'large');
    const { index } = await packPayload({
      spec,
      executable: empty,
      output: large,
      padToBytes: 4.5 * 2 ** 30,
    });
    assert.ok(index.entries.at(-1)!.size > 2 ** 32 - 1, 'its padding needs zip64');
    for (const [path, kind] of [
      [packed.path, 'whole'],
      [large, 'sparse'],
    ] as const) {
      const unzip =
        kind === 'whole' ? run('unzip', '-tqq', path) : run('unzip', '-tqq', path, '-x', 'padding');
      assert.equal(unzip.status, 0, unzip.stdout + unzip.stderr);
      const zipinfo = run('zipinfo', path);
      assert.equal(zipinfo.status, 0, zipinfo.stderr);
      const python = run('python3', '-c', pythonReads, path, kind);
      assert.equal(python.status, 0, python.stderr);
      const count = (kind === 'whole' ? packed.index : index).entries.length + 1;
      assert.equal(python.stdout, `${count} ${0o755}\n`);
    }
    assert.equal(run(large, '-v').stdout, 'tiny 2026.1\n');
  });
});
