import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fingerprintOfKey } from '../../build/signing.ts';
import { makeKeys } from '../fixtures/signing-keys.ts';
import type { TinyPayload } from '../fixtures/tiny-payload.ts';
import { makeTinyPayload, tinyHead } from '../fixtures/tiny-payload.ts';

/** The real minisign, which knows nothing of us, says what our signatures are worth. */
const pack = join(import.meta.dirname, '../../build/pack.ts');
const keys = makeKeys();
const pem = (key = keys.key) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const script = (args: string[], environment: Record<string, string> = {}) =>
  spawnSync(process.execPath, [pack, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...environment },
  });

describe('the detached signature next to a packed file', () => {
  let tiny: TinyPayload;
  let keyFile: string;
  let publicKey: string;
  before(async () => {
    tiny = await makeTinyPayload({ keys, bigLayerBytes: 9_000_000 });
    publicKey = join(tiny.folder, 'vendor.pub');
    keyFile = `${tiny.folder}.pem`;
    writeFileSync(keyFile, pem(), { mode: 0o600 });
    const printed = script(['--print-key', '--key', keyFile]);
    assert.equal(printed.status, 0, printed.stderr);
    writeFileSync(publicKey, printed.stdout);
  });
  after(() => {
    tiny.remove();
    rmSync(keyFile);
  });

  const minisign = (file: string, ...more: string[]) =>
    spawnSync('minisign', ['-V', '-m', file, '-p', publicKey, ...more], { encoding: 'utf8' });

  it('is one that minisign accepts by the printed key, whose comment has the fingerprint', () => {
    const { status, stdout, stderr, error } = minisign(tiny.path);
    assert.equal(error, undefined, 'minisign is installed (npm run lab -- doctor --fix)');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Signature and comment signature verified$/m);
    assert.match(stdout, new RegExp(`^Trusted comment: tiny 2026\\.1 payload sha256:${tiny.digest}$`, 'm'));
    const [comment] = readFileSync(publicKey, 'utf8').split('\n');
    assert.equal(comment, `untrusted comment: Ed25519 key ${fingerprintOfKey(keys.key)}`);
  });

  it('holds neither for another file, nor with another comment, nor by another key', () => {
    const signature = readFileSync(`${tiny.path}.minisig`, 'utf8');
    const changed = join(tiny.folder, 'changed');
    writeFileSync(changed, readFileSync(tiny.path));
    appendFileSync(changed, 'x');
    assert.notEqual(minisign(changed, '-x', `${tiny.path}.minisig`).status, 0);
    const reworded = join(tiny.folder, 'reworded.minisig');
    writeFileSync(reworded, signature.replace('tiny 2026.1', 'tiny 2027.1'));
    assert.match(minisign(tiny.path, '-x', reworded).stderr, /[Cc]omment signature verification failed/);
    writeFileSync(publicKey, script(['--print-key'], { IVAAP_SIGNING_KEY: pem(makeKeys().key) }).stdout);
    assert.notEqual(minisign(tiny.path).status, 0);
  });

  it('is the same each time, and never that of an earlier file', () => {
    const spec = join(tiny.folder, 'release.yaml');
    const head = join(tiny.folder, 'head');
    writeFileSync(head, tinyHead());
    const output = join(tiny.folder, 'again');
    const args = [spec, '-o', output, '--executable', head];
    const signed = script([...args, '--key', keyFile]);
    assert.equal(signed.status, 0, signed.stderr);
    assert.match(signed.stdout, new RegExp(`^signed by ${fingerprintOfKey(keys.key)}$`, 'm'));
    const read = (path: string) => readFileSync(`${path}.minisig`, 'utf8');
    assert.equal(read(output), read(tiny.path));
    const unsigned = script(args);
    assert.equal(unsigned.status, 0, unsigned.stderr);
    assert.match(unsigned.stdout, /^unsigned$/m);
    assert.equal(existsSync(`${output}.minisig`), false);
  });

  it('refuses to print a key that is not given, or together with a spec', () => {
    assert.deepEqual(
      [script(['--print-key']).status, script(['--print-key', 'spec.yaml', '-o', 'x']).status],
      [2, 2],
    );
  });
});
