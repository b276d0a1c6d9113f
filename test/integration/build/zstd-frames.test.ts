import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { zstdFrames } from '../../../build/zstd-frames.ts';
import { noise } from '../../fixtures/tiny-payload.ts';

const unpack = (bytes: Buffer, pieceBytes = 65_536): Promise<Buffer> => {
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceBytes) }, (_, at) =>
    bytes.subarray(at * pieceBytes, (at + 1) * pieceBytes),
  );
  return buffer(zstdFrames(Readable.from(pieces) as AsyncIterable<Buffer>));
};
function skipped(size: number, number = 0): Buffer {
  const frame = Buffer.alloc(8 + size, 0x28);
  frame.writeUInt32LE(0x184d2a50 + number, 0);
  frame.writeUInt32LE(size, 4);
  return frame;
}
const large = Buffer.concat([noise(400_000), Buffer.alloc(9_000_000, 7), noise(300_000, 2)]);
const text = Buffer.from('text\n'.repeat(1000));
const [first, second] = [zstdCompressSync(large), zstdCompressSync(text)];

test('every frame of a zstd stream is unpacked, and what is to be skipped is skipped', async () => {
  const cases: [string, Buffer, Buffer][] = [
    ['one', first, large],
    ['joined', Buffer.concat([second, first, second]), Buffer.concat([text, large, text])],
    ['pzstd', Buffer.concat([skipped(4), second, skipped(4), second]), Buffer.concat([text, text])],
    [
      'zstd:chunked',
      Buffer.concat([second, second, skipped(2_500_000, 14), skipped(64, 2)]),
      Buffer.concat([text, text]),
    ],
    ['a frame of nothing', Buffer.concat([zstdCompressSync(Buffer.alloc(0)), second]), text],
    ['nothing', Buffer.alloc(0), Buffer.alloc(0)],
  ];
  for (const [what, packed, content] of cases)
    for (const pieceBytes of [7, 65_536]) {
      if (pieceBytes === 7 && packed.length > 100_000) continue;
      assert.ok((await unpack(packed, pieceBytes)).equals(content), `${what}, ${pieceBytes}`);
    }
});

test('frames of every kind are unpacked: with checksums, without a size, with long windows', async () => {
  const { ZSTD_c_checksumFlag, ZSTD_c_contentSizeFlag, ZSTD_c_compressionLevel, ZSTD_c_windowLog } =
    constants;
  for (const params of [
    { [ZSTD_c_checksumFlag]: 1 },
    { [ZSTD_c_contentSizeFlag]: 0, [ZSTD_c_checksumFlag]: 1 },
    { [ZSTD_c_compressionLevel]: 19 },
    { [ZSTD_c_windowLog]: 27, [ZSTD_c_compressionLevel]: 1 },
  ])
    for (const content of [large, text, Buffer.alloc(200, 1)]) {
      const packed = zstdCompressSync(content, { params });
      assert.ok((await unpack(Buffer.concat([packed, packed]))).equals(Buffer.concat([content, content])));
    }
});

test('a stream that is cut off, damaged or continues as something else is refused', async () => {
  for (const bytes of [
    second.subarray(0, -3),
    first.subarray(0, -3),
    Buffer.concat([second, skipped(99).subarray(0, 50)]),
  ])
    await assert.rejects(unpack(bytes), /cut off/);
  await assert.rejects(unpack(Buffer.concat([second, Buffer.from('garbage!')])), /something else/);
  const damaged = Buffer.from(first);
  damaged[200_000]! ^= 0xff;
  damaged.fill(0xff, 300_000, 300_100);
  await assert.rejects(unpack(Buffer.concat([damaged.subarray(0, 9), Buffer.alloc(500, 0xff)])));
});
