import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import { readAnswersFile } from '../../../src/flows/install/answers-file.ts';
import { givenAnswers } from '../../../src/flows/install/given-answers.ts';
import { noAnswers } from '../../fixtures/in-process-host/host.ts';

const folder = mkdtempSync(join(tmpdir(), 'answers-'));
const path = join(folder, 'answers.yaml');
after(() => rmSync(folder, { recursive: true }));

const written = (text: string | Uint8Array) => {
  rmSync(path, { force: true, recursive: true });
  writeFileSync(path, text);
};

async function refusal(): Promise<string> {
  try {
    await readAnswersFile(path);
  } catch (error) {
    assert.ok(error instanceof IvaapError && error.code === 'usage', String(error));
    return unmarked(causeChain(error).join(': '));
  }
  return assert.fail('it was read');
}

test('all keys, with Windows line ends and a byte order mark; paths start in the folder of the file', async () => {
  written(
    '\uFEFFlicense: license.json\r\nfqdn: wells.example\r\nstoragePath: /srv/db\r\n' +
      'connectors: [witsml, ppdm]\r\nvalues: /etc/values.yaml\r\n',
  );
  const { answers, lineOf } = await readAnswersFile(path);
  assert.deepEqual(answers, {
    license: join(folder, 'license.json'),
    fqdn: 'wells.example',
    storagePath: '/srv/db',
    connectors: ['witsml', 'ppdm'],
    values: '/etc/values.yaml',
  });
  assert.equal(lineOf('connectors'), 4);
  written('license: 27000@licenses.example\n');
  assert.equal((await readAnswersFile(path)).answers.license, '27000@licenses.example');
  written('');
  assert.deepEqual((await readAnswersFile(path)).answers, {});
});

const deep = `fqdn: ${'['.repeat(3000)}${']'.repeat(3000)}\n`;
const bad: Record<string, [content: string | Uint8Array, says: RegExp]> = {
  'an unknown key': ['fqdn: a\nfqnd: b\n', /line 2: unknown key fqnd; did you mean fqdn\?/],
  'a key of another tool': ['password: x\n', /line 1: unknown key password; the keys are license, fqdn/],
  'a key twice': ['fqdn: a\nlicense: b\nfqdn: c\n', /line 3: duplicate key "fqdn"/],
  'two faults': ['x1: a\nfqdn: 7\n', /line 1: unknown key x1.*; line 2: fqdn must be a text/],
  'a number for a name': ['fqdn: 1.2\n', /line 1: fqdn must be a text/],
  'an empty name': ['fqdn: ""\n', /line 1: fqdn must be a text/],
  'no value': ['fqdn:\n', /line 1: fqdn must be a text/],
  'connectors as text': ['fqdn: a\nconnectors: witsml\n', /line 2: connectors must be a list/],
  'connectors with a number': ['connectors: [1]\n', /line 1: connectors has an entry that must be a text/],
  'a list': ['- fqdn\n', /line 1: a list or a single value/],
  'no YAML': ['fqdn: [a\n', /line \d+: /],
  'two documents': ['fqdn: a\n---\nfqdn: b\n', /line 2: a second document/],
  'a control character': ['fqdn: a\nlicense: "b\u0007"\n', /line 2: a control character/],
  'Latin-1': [
    Buffer.from('fqdn: a\nlicense: /tmp/lizenz-\u00fc\n', 'latin1'),
    /line 2: bytes that are not UTF-8/,
  ],
  'UTF-16': [Buffer.from('\uFEFFfqdn: a\n', 'utf16le'), /UTF-16/],
  'levels without end': [deep, /nested|deep|levels/],
  'an alias that contains itself': ['fqdn: &a [*a]\n', /contains itself/],
  'a tag of a language': ['fqdn: !!python/object:os.system a\n', /the tag/],
  'a folder and a class': [
    'storagePath: /srv/db\nstorageClass: fast\n',
    /storagePath \(line 1 of .*\) and storageClass \(line 2 of .*\) exclude each other/,
  ],
};
for (const [name, [content, says]] of Object.entries(bad)) {
  test(`${name} in an answers file is refused with its line`, async () => {
    written(content);
    if (name === 'a folder and a class') {
      await assert.rejects(givenAnswers({ ...noAnswers, answers: path }), says);
      return;
    }
    assert.match(await refusal(), says);
  });
}

test('a file of two megabytes, a folder, a pipe and a missing file are refused, and none is waited for', async () => {
  written('');
  truncateSync(path, 2 * 2 ** 20);
  assert.match(await refusal(), /more than 262144/);
  rmSync(path);
  assert.match(await refusal(), /cannot be read/);
  mkdirSync(path);
  assert.match(await refusal(), /a folder and not a regular file/);
  rmSync(path, { recursive: true });
  execFileSync('mkfifo', [path]);
  assert.match(await refusal(), /a named pipe/);
  rmSync(path);
  symlinkSync('/dev/zero', path);
  assert.match(await refusal(), /a device/);
});

test('a flag is above the file, and storage is one answer: a folder that is typed replaces a class in the file', async () => {
  written('fqdn: file.example\nstorageClass: fast\nconnectors: []\n');
  const { given, nameOf } = await givenAnswers({ ...noAnswers, storagePath: '/srv/db', answers: path });
  assert.deepEqual(
    [given.fqdn, given.storagePath, given.storageClass, given.connectors],
    ['file.example', '/srv/db', undefined, 'none'],
  );
  assert.equal(nameOf('fqdn', 'file.example'), `fqdn file.example (line 1 of ${path})`);
  const typed = await givenAnswers({ ...noAnswers, fqdn: 'typed.example', answers: path });
  assert.equal(typed.given.fqdn, 'typed.example');
  assert.equal(typed.nameOf('fqdn', 'typed.example'), '--fqdn typed.example');
});
