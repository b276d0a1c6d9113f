import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IvaapError } from '../../../../src/errors.ts';
import { openPayload } from '../../../../src/payload/open-payload.ts';
import { fingerprintOf, handedOverBy, signerOf } from '../../../../src/payload/format/signature.ts';
import type { Trailer } from '../../../../src/payload/format/trailer.ts';
import { findTrailer, renderTrailer, trailerSearchBytes } from '../../../../src/payload/format/trailer.ts';
import { fingerprintOfKey } from '../../../../build/signing.ts';
import { makeKeys } from '../../../fixtures/signing-keys.ts';
import type { TinyPayload } from '../../../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../../../fixtures/tiny-payload.ts';

const oldest = makeKeys();
const older = makeKeys();
const keys = makeKeys([oldest, older]);

describe('the trailer of a signed payload', () => {
  let tiny: TinyPayload;
  let intact: Buffer;
  let text: string;
  let file: string;
  before(async () => {
    tiny = await makeTinyPayload({ keys });
    intact = readFileSync(tiny.path);
    text = intact.subarray(intact.lastIndexOf('executable-payload 1')).toString('latin1');
    file = join(tiny.folder, 'changed');
  });
  after(() => tiny.remove());

  /** The file with another trailer of the same length. */
  const openWith = async (changed: string): Promise<IvaapError> => {
    assert.equal(changed.length, text.length);
    assert.notEqual(changed, text);
    writeFileSync(file, Buffer.concat([intact.subarray(0, -text.length), Buffer.from(changed, 'latin1')]));
    const error: unknown = await openPayload(file).then(
      (payload) => payload.close(),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof IvaapError, String(error));
    assert.deepEqual([error.code, error.exitCode], ['payload', 4]);
    return error;
  };

  it('has its lines in their order, and nothing else', () => {
    const names = text.split('\n').map((line) => line.split(':')[0]);
    const places = ['index-offset', 'index-length', 'index-sha256', 'directory-sha256', 'file-size'];
    const signed = ['key', 'handover', 'handover', 'signature', ''];
    assert.deepEqual(names, ['executable-payload 1', ...places, ...signed]);
  });

  it('gives the signer and whoever handed over, by fingerprint', async () => {
    const payload = await openPayload(tiny.path);
    const { trailer, identity } = payload;
    await payload.close();
    assert.equal(signerOf(trailer), fingerprintOfKey(keys.key));
    const handedOver = [oldest, older].map(({ key }) => fingerprintOfKey(key));
    assert.deepEqual(handedOverBy(trailer, identity.product), handedOver);
  });

  it('hands over for its own product and to its own key only', async () => {
    const payload = await openPayload(tiny.path);
    const { trailer } = payload;
    await payload.close();
    assert.deepEqual(handedOverBy(trailer, 'another'), []);
    const { signed } = trailer;
    const stolen: Trailer = { ...trailer, signed: { ...signed!, key: Buffer.alloc(32, 7) } };
    assert.deepEqual(handedOverBy(stolen, 'tiny'), []);
  });

  it('is refused wherever a bit of it changed', async () => {
    const inSignature = text.indexOf('\nkey: ed25519 ') + '\nkey: ed25519 '.length;
    for (let at = 0; at < text.length; at += at < inSignature ? 3 : 11) {
      const bytes = Buffer.from(text, 'latin1');
      bytes[at]! ^= 1;
      await openWith(bytes.toString('latin1'));
    }
  });

  it('names the signature when everything else is as a packer writes it', async () => {
    const changes: [what: string, from: RegExp, to: (all: string) => string][] = [
      ['the signature', /signature: ../, () => 'signature: //'],
      ['the key', /\nkey: ed25519 ../, () => '\nkey: ed25519 //'],
      ['a hand-over', /handover: ed25519 ../, () => 'handover: ed25519 //'],
      [
        "the index's hash",
        /index-sha256: ../,
        (all) => all.replace(/..$/, (two) => (two === '00' ? '11' : '00')),
      ],
    ];
    for (const [what, from, to] of changes) {
      const { message } = await openWith(text.replace(from, to));
      assert.match(message, /is damaged: the signature in its trailer is not valid$/, what);
    }
  });

  it('is no trailer when key, hand-overs and signature are not all as they should be', () => {
    const base = text.slice(0, text.indexOf('\nkey: ') + 1);
    const [key = '', first = '', second = '', signature = ''] = text.slice(base.length).split('\n');
    const handovers = (count: number) => Array.from({ length: count }, () => first);
    const unused = (line: string) => line.replace(/.=$/, 'B=').replace(/.==$/, 'B==');
    const wrong: string[][] = [
      ['key: none', signature],
      [key, 'signature: none'],
      ['key: none', first, 'signature: none'],
      [first, key, second, signature],
      [key, signature, first],
      [key, ...handovers(9), signature],
      [key.replace('ed25519', 'ed448'), signature],
      [key.slice(0, -2), signature],
      [unused(key), signature],
      [key, unused(signature)],
      [key, unused(first), signature],
      [key, ` ${first}`, signature],
      [key, signature, ''],
      [signature],
    ];
    const kindOf = (lines: readonly string[]) => {
      const comment = Buffer.from(`${base}${lines.join('\n')}\n`, 'latin1');
      const endRecord = Buffer.alloc(22);
      endRecord.writeUInt32LE(0x06054b50);
      endRecord.writeUInt16LE(comment.length, 20);
      const { length } = intact;
      const found = findTrailer(Buffer.concat([endRecord, comment]), length);
      return found.kind;
    };
    for (const lines of wrong) assert.equal(kindOf(lines), 'malformed', lines.join('|'));
    assert.equal(kindOf([key, first, second, signature]), 'found');
    assert.equal(kindOf([key, ...handovers(4)].slice(0, 2).concat(second, signature)), 'found');
  });

  it('stays within the bytes in which it is looked for, with eight hand-overs and the largest numbers', () => {
    const one = { key: Buffer.alloc(32), signature: Buffer.alloc(64) };
    const largest = renderTrailer({
      indexOffset: Number.MAX_SAFE_INTEGER,
      indexLength: 2 ** 32,
      indexSha256: 'f'.repeat(64),
      directorySha256: 'f'.repeat(64),
      fileSize: Number.MAX_SAFE_INTEGER,
      signed: { ...one, handovers: Array.from({ length: 8 }, () => one) },
    });
    assert.ok(largest.length + 22 < trailerSearchBytes);
  });

  it('knows a key by the SHA-256 of its 32 bytes', () => {
    const zeros = '66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925';
    assert.equal(fingerprintOf(Buffer.alloc(32)), zeros);
  });
});
