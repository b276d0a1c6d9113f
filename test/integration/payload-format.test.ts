import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packPayload } from '../../build/pack-payload.ts';
import { buildRelease } from '../../payload-spec/sample/build.ts';
import { sampleVersions } from '../../payload-spec/sample/releases.ts';
import { openPayload } from '../../src/payload/open-payload.ts';
import { forge } from '../fixtures/forged-payload.ts';
import { packSecondProduct } from '../fixtures/second-product/pack.ts';
import { makeTinyPayload, tinyHead } from '../fixtures/tiny-payload.ts';

const readByPython = (path: string) =>
  spawnSync('python3', [join(import.meta.dirname, '../fixtures/format_reader.py'), path], {
    encoding: 'utf8',
  });

describe('a reader written from FORMAT.md alone', () => {
  it('agrees on headers, contents, chunks and archives of a payload with shared and compressed layers', async () => {
    const tiny = await makeTinyPayload({ bigLayerBytes: 6_000_000, padToBytes: 20 * 2 ** 20 });
    const { status, stdout, stderr } = readByPython(tiny.path);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, `tiny 2026.1: ${tiny.index.entries.length} entries, 2 archives\n`);
    tiny.remove();
  });

  it('agrees on another product', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'format-'));
    writeFileSync(join(folder, 'head'), tinyHead());
    mkdirSync(join(folder, 'second'));
    const packed = await packSecondProduct(join(folder, 'second'), join(folder, 'head'));
    const { status, stdout, stderr } = readByPython(packed.path);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^lighthouse 2025\.4\.1: /);
    rmSync(folder, { recursive: true });
  });

  it('refuses a payload in which a byte changed', async () => {
    const tiny = await makeTinyPayload();
    const bytes = readFileSync(tiny.path);
    const { coveredEnd } = tiny.index.chunks;
    const places = [10, tiny.index.headSize + 2, 5000, coveredEnd - 5, coveredEnd + 20, bytes.length - 3];
    for (const place of places) {
      const damaged = Buffer.from(bytes);
      damaged[place]! ^= 1;
      writeFileSync(tiny.path, damaged);
      assert.equal(readByPython(tiny.path).status, 1, `byte ${place}`);
    }
    tiny.remove();
  });

  it('refuses the characters that nobody sees, as the program does', async () => {
    const tiny = await makeTinyPayload({ keys: 'none' });
    const path = join(tiny.folder, 'forged');
    try {
      for (const character of ['\u061c', '\u200b', '\ufeff', '\u{e0041}', '\u2060', '\ud800', 'a']) {
        forge(tiny, path, { index: (index) => (index.title = `T${character}`) });
        assert.equal(readByPython(path).status, character === 'a' ? 0 : 1, JSON.stringify(character));
        const opened = openPayload(path);
        if (character === 'a') await (await opened).close();
        else await assert.rejects(opened, { code: 'payload' }, JSON.stringify(character));
      }
    } finally {
      tiny.remove();
    }
  });
});

describe('every sample, packed', () => {
  for (const version of sampleVersions)
    it(`${version} is read alike by the reader written from FORMAT.md`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'format-sample-'));
      try {
        writeFileSync(join(folder, 'head'), tinyHead());
        const path = join(folder, 'packed');
        const { index } = await packPayload({
          spec: join(await buildRelease(version), 'release-spec.yaml'),
          executable: join(folder, 'head'),
          output: path,
        });
        const { status, stdout, stderr } = readByPython(path);
        assert.equal(status, 0, stderr);
        const { entries, archives } = index;
        assert.equal(
          stdout,
          `${index.product} ${index.version}: ${entries.length} entries, ${archives.length} archives\n`,
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
});
