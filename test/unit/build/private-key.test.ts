import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { privateKeyIn } from '../../../build/private-key.ts';

const found = (content: string | Buffer) => privateKeyIn(Buffer.from(content));
const pem = (type: 'pkcs1' | 'pkcs8') =>
  generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'pem', type }).toString();
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const letters = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz';

test('private keys are found in each of their forms, wherever they stand', () => {
  const plain = ed25519.export({ format: 'pem', type: 'pkcs8' }).toString();
  const locked = ed25519
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();
  const minisign = Buffer.concat([Buffer.from('EdScB2'), Buffer.alloc(152, 7)]).toString('base64');
  const forms: Record<string, string | Buffer> = {
    'PKCS#8': plain,
    'PKCS#1': pem('pkcs1'),
    'behind a passphrase': locked,
    OpenSSH: `-----BEGIN OPENSSH PRIVATE KEY-----\n${letters}\n-----END OPENSSH PRIVATE KEY-----\n`,
    'with headers': `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\n${letters}\n`,
    PGP:
      '-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: ' +
      `1\n\n${letters}\n-----END PGP PRIVATE KEY BLOCK-----`,
    SSH2: `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: "x"\n${letters}\n`,
    'indented in YAML': `tls:\n  key: |\n${plain.replace(/^/gm, '    ')}`,
    'in a comment': plain.replace(/^/gm, '# '),
    'on one line': JSON.stringify({ key: plain }),
    'with CRLF': plain.replaceAll('\n', '\r\n'),
    'cut off': plain.slice(0, 70),
    "a Secret's data": `data:\n  tls.key: ${Buffer.from(pem('pkcs8')).toString('base64')}\n`,
    minisign: `untrusted comment: minisign encrypted secret key\n${minisign}\n`,
    PuTTY: 'PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nAAAA\n',
    age: `AGE-SECRET-KEY-1${'Q'.repeat(58)}\n`,
    JWK: JSON.stringify(ed25519.export({ format: 'jwk' })),
    DER: ed25519.export({ format: 'der', type: 'pkcs8' }),
    'PKCS#12': Buffer.concat([
      Buffer.from('30820a000201033082090006092a864886f70d010701', 'hex'),
      Buffer.alloc(99),
    ]),
    "Java's": Buffer.concat([Buffer.from('feedfeed000000020000000100000001', 'hex'), Buffer.alloc(99)]),
  };
  for (const [form, content] of Object.entries(forms)) assert.ok(found(content) !== undefined, form);
});

test('what only speaks of keys is none', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'pem', type: 'spki' }).toString();
  const others: Record<string, string | Buffer> = {
    'a public key': spki,
    'a public JWK': JSON.stringify(publicKey.export({ format: 'jwk' })),
    'a public key in DER': publicKey.export({ format: 'der', type: 'spki' }),
    certificate: `-----BEGIN CERTIFICATE-----\n${letters}\n-----END CERTIFICATE-----\n`,
    prose:
      '## The key starts with -----BEGIN RSA PRIVATE KEY----- and ' +
      'the certificate with -----BEGIN CERTIFICATE-----',
    'a placeholder': 'key: |\n  -----BEGIN PRIVATE KEY-----\n  ...\n  -----END PRIVATE KEY-----\n',
    'a placeholder of letters': `-----BEGIN PRIVATE KEY-----\n${'X'.repeat(64)}\n-----END PRIVATE KEY-----\n`,
    'a path behind it': '-----BEGIN PRIVATE KEY----- see docs/concepts/configuration/secret for more\n',
    "minisign's public key":
      'untrusted comment: ' +
      `key\n${Buffer.concat([Buffer.from('Ed'), Buffer.alloc(40, 7)]).toString('base64')}\n`,
    "minisign's signature":
      'untrusted comment: ' +
      `x\n${Buffer.concat([Buffer.from('ED'), Buffer.alloc(72, 7)]).toString('base64')}\n`,
    "Java's list of trusted": Buffer.concat([
      Buffer.from('feedfeed000000020000000100000002', 'hex'),
      Buffer.alloc(99),
    ]),
    'a base64 text': Buffer.from('-----BEGIN CERTIFICATE-----\n'.repeat(9)).toString('base64'),
    'three bytes': Buffer.from('fed', 'hex'),
    nothing: '',
  };
  for (const [what, content] of Object.entries(others)) assert.equal(found(content), undefined, what);
});
