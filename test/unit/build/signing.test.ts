import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fingerprintOfKey, readSigningKeys } from '../../../build/signing.ts';
import { SpecError } from '../../../build/spec-file.ts';
import { makeKeys } from '../../fixtures/signing-keys.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

const folder = mkdtempSync(join(tmpdir(), 'signing-'));
const specFolder = join(folder, 'spec');
mkdirSync(specFolder);
after(() => rmSync(folder, { recursive: true }));

const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const keyFile = (name: string, text: string, mode = 0o600): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const read = (files: Parameters<typeof readSigningKeys>[0], environment: NodeJS.ProcessEnv = {}) =>
  readSigningKeys(files, { environment: { ...environment }, specFolder });

const [current, older, oldest] = [makeKeys().key, makeKeys().key, makeKeys().key];
const currentFile = keyFile('current.pem', pemOf(current));
const olderFile = keyFile('older.pem', pemOf(older));

describe('the keys to sign with', () => {
  it('come from files, or from the environment, or are not there', () => {
    const wanted = [current, older, oldest].map(fingerprintOfKey);
    const oldestFile = keyFile('oldest.pem', pemOf(oldest));
    const fromFiles = read({ key: currentFile, handoverKeys: [olderFile, oldestFile] });
    const fromEnvironment = read(
      {},
      {
        IVAAP_SIGNING_KEY: pemOf(current),
        IVAAP_HANDOVER_KEYS: `${pemOf(older)}${pemOf(oldest)}`,
      },
    );
    for (const keys of [fromFiles, fromEnvironment]) {
      assert.deepEqual([keys!.key, ...keys!.older].map(fingerprintOfKey), wanted);
    }
    assert.equal(read({}), undefined);
    assert.equal(read({}, { IVAAP_SIGNING_KEY: '', IVAAP_HANDOVER_KEYS: '' }), undefined);
  });

  it('are in no environment any more once they are read', () => {
    const environment = {
      IVAAP_SIGNING_KEY: pemOf(current),
      IVAAP_HANDOVER_KEYS: pemOf(older),
      PATH: '/bin',
    };
    readSigningKeys({}, { environment, specFolder });
    assert.deepEqual(environment, { PATH: '/bin' });
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const locked = current.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
  const publicPem = '-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n';
  const inSpec = join('spec', 'key.pem');
  const environment = { IVAAP_SIGNING_KEY: pemOf(current) };
  const refused: [what: string, ask: () => unknown, message: RegExp][] = [
    ['a missing file', () => read({ key: join(folder, 'none') }), /none: cannot be read: /],
    ['a folder', () => read({ key: keyFolder() }), /cannot be read: /],
    ['a text', () => read({ key: keyFile('text', 'secret words') }), /text: no private key in PEM/],
    ['an RSA key', () => read({ key: keyFile('rsa', pemOf(rsa)) }), /a key of type rsa; only Ed25519/],
    ['a public key', () => read({ key: keyFile('public', publicPem) }), /a public key; the private one/],
    ['a locked key', () => read({ key: keyFile('locked', String(locked)) }), /behind a passphrase/],
    ['a file for all', () => read({ key: keyFile('open', pemOf(current), 0o640) }), /others .*chmod 600/],
    ['a key beside the spec', () => read({ key: keyFile(inSpec, pemOf(current)) }), /keep it elsewhere/],
    ['a key given twice', () => read({ key: currentFile }, environment), /a key is given twice/],
    [
      'a path in the environment',
      () => read({}, { IVAAP_SIGNING_KEY: currentFile }),
      /no private key in PEM/,
    ],
    ['no key to hand over to', () => read({ handoverKeys: [olderFile] }), /none that takes over/],
    [
      'a text that hands over',
      () => read({}, { ...environment, IVAAP_HANDOVER_KEYS: 'x' }),
      /no private key/,
    ],
    ['a hand-over to itself', () => read({ key: currentFile, handoverKeys: [currentFile] }), /to itself/],
    [
      'nine hand-overs',
      () =>
        read(
          {},
          {
            ...environment,
            IVAAP_HANDOVER_KEYS: Array.from({ length: 9 }, () => pemOf(makeKeys().key)).join(''),
          },
        ),
      /9 keys; a file has room for 8/,
    ],
  ];
  const keyFolder = () => {
    mkdirSync(join(folder, 'folder'), { mode: 0o700 });
    return join(folder, 'folder');
  };
  for (const [what, ask, message] of refused) {
    it(`are refused: ${what}, and nothing of a key is said`, () => {
      assert.throws(ask, (error: Error) => {
        assert.ok(error instanceof SpecError, String(error));
        assert.match(error.message, message);
        const line = pemOf(current).split('\n')[1]!;
        assert.ok(!error.message.includes(line) && !error.message.includes('secret words'));
        return true;
      });
    });
  }

  it('give the same bytes each time, and other bytes with another key', async () => {
    const pack = (keys: ReturnType<typeof read>) => makeTinyPayload({ keys: keys! });
    const keys = read({ key: currentFile, handoverKeys: [olderFile] });
    const packed = [await pack(keys), await pack(keys), await pack(makeKeys())];
    const [first, second, third] = packed.map(({ path }) => readFileSync(path));
    assert.ok(first!.equals(second!));
    assert.ok(!first!.equals(third!));
    const text = first!.toString('latin1');
    for (const key of [current, older]) {
      const { d } = key.export({ format: 'jwk' });
      assert.equal(first!.indexOf(Buffer.from(d!, 'base64url')), -1);
      assert.equal(text.includes(pemOf(key).split('\n')[1]!), false);
    }
    for (const one of packed) one.remove();
  });
});
