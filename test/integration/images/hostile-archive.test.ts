import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import type { Header } from 'tar-stream';
import { pack } from 'tar-stream';
import { tarHeader } from '../../../src/payload/format/archive-tar.ts';
import { scanForeignArchive } from '../../../src/images/foreign-import.ts';

const mebibyte = 1024 * 1024;
/** Far below what the archives unpack to. */
const memoryLimitBytes = 200 * mebibyte;
const id = `sha256:${createHash('sha256').update('{}').digest('hex')}`;

/** Makes a header's checksum fit again. */
function withChecksum(header: Buffer): void {
  header.write('        ', 148);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
}

describe('an archive on disk that somebody made to harm', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Scans it, and sees that nothing was written and little memory taken. */
  async function scan(bytes: Buffer): Promise<ReturnType<typeof scanForeignArchive>> {
    const path = join(folder, 'archive.tar.gz');
    writeFileSync(path, bytes);
    const before = process.memoryUsage().rss;
    try {
      return await scanForeignArchive(path, new Set([id]));
    } finally {
      assert.ok(process.memoryUsage().rss - before < memoryLimitBytes);
      assert.deepEqual(readdirSync(folder), ['archive.tar.gz']);
    }
  }

  /** gzip of `mebibytes` of zeros behind `front`: members one after another, as gzip allows. */
  const zeros = (front: Buffer, mebibytes: number) => {
    const member = gzipSync(Buffer.alloc(16 * mebibyte));
    return Buffer.concat([gzipSync(front), ...Array.from({ length: mebibytes / 16 }, () => member)]);
  };
  const tooMuch = { name: 'UnreadableArchive', message: 'it unpacks to more than 200 times its size' };

  it('is not unpacked to gibibytes of zeros, in a file or behind the last one', async () => {
    await assert.rejects(scan(zeros(tarHeader('blobs/sha256/a', 4096 * mebibyte), 2048)), tooMuch);
    await assert.rejects(scan(zeros(Buffer.alloc(0), 1024)), /neither gzip nor tar|more than 200 times/);
  });

  it('does not decide how much of its descriptions is kept', async () => {
    const tar = pack();
    const braces = Buffer.alloc(4 * mebibyte, '{');
    for (let number = 0; number < 24; number += 1) tar.entry({ name: `${number}.json` }, braces);
    tar.finalize();
    const { images } = await scan(gzipSync(await buffer(tar as AsyncIterable<Buffer>), { level: 1 }));
    assert.equal(images.size, 0);
  });

  it('reaches nothing by absolute and parent names, links out of the tree, devices or modes', async () => {
    const tar = pack();
    const entries: (Partial<Header> & { name: string })[] = [
      { name: '/etc/cron.d/evil' },
      { name: '../../evil' },
      { name: 'setuid', mode: 0o4755 },
      { name: 'link', type: 'symlink', linkname: '/etc/passwd' },
      { name: 'hard', type: 'link', linkname: '../../../etc/passwd' },
      { name: 'device', type: 'block-device', devmajor: 8, devminor: 0 },
      { name: 'pipe', type: 'fifo' },
      { name: `\u001b[2J` },
      { name: '__proto__' },
    ];
    for (const entry of entries) tar.entry(entry, entry.type === undefined ? 'x' : '');
    tar.entry({ name: 'manifest.json' }, JSON.stringify([{ Config: 'link', Layers: ['hard', 'device'] }]));
    tar.finalize();
    const { images, digests } = await scan(gzipSync(await buffer(tar as AsyncIterable<Buffer>)));
    assert.equal(images.size, 0);
    assert.equal(digests.has('link'), false);
  });

  it('may say anything in its lists', async () => {
    for (const list of [
      'null',
      '[null]',
      '[{"Config":null,"Layers":7}]',
      '[{"Config":{},"Layers":[null,{}]}]',
      '{"config":{"digest":1}}',
      `{"config":{"digest":"${id}"},"layers":[null]}`,
      `{"config":{"digest":"${id}"},"layers":[{"digest":{}}]}`,
      '{"__proto__":{"layers":[]}}',
      '['.repeat(100_000),
    ]) {
      const tar = pack();
      tar.entry({ name: 'config' }, '{}');
      tar.entry({ name: 'list' }, list);
      tar.entry({ name: 'manifest.json' }, list);
      tar.finalize();
      assert.equal((await scan(await buffer(tar as AsyncIterable<Buffer>))).images.size, 0, list);
    }
  });

  it('is refused for headers that promise more than there is', async () => {
    const sizeless = tarHeader('a', 0);
    sizeless[124] = 0x81; // Neither octal digits nor one of the two binary forms.
    withChecksum(sizeless);
    await assert.rejects(scan(Buffer.concat([sizeless, Buffer.alloc(2048)])), /a has no size/);
    const header = tarHeader('a', 2 ** 50);
    await assert.rejects(scan(Buffer.concat([header, Buffer.alloc(1024)])), { name: 'UnreadableArchive' });
    const long = Buffer.from(tarHeader('././@LongLink', 2 ** 40));
    long[156] = 0x4c; // L: the next file's name
    long.write('        ', 148);
    long.write(
      `${long
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    await assert.rejects(scan(Buffer.concat([long, Buffer.alloc(1024)])), { name: 'UnreadableArchive' });
  });
});
