import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, describeError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import type { InstallOptions } from '../../../src/flows/install/decision.ts';
import { fingerprint } from '../../fixtures/in-process-host/dry-run.ts';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import {
  type Invocation,
  noAnswers,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';
import { claim, namespace } from '../../fixtures/in-process-host/product.ts';

/** Answers of an install from flags, files and earlier attempts, where nobody can be asked. */

let host: SimulatedHost;
let empty: World;

before(async () => {
  host = await SimulatedHost.start();
  empty = host.copy();
});
beforeEach(() => host.become(empty));
after(() => host.close());

const at = (name: string) => join(host.root, name);
const said = ({ error }: Invocation) => unmarked(causeChain(error).join(': '));
const hintOf = ({ error }: Invocation) => unmarked(describeError(error).hint ?? '');
const run = (options: Partial<InstallOptions>) =>
  host.run('install', undefined, { ...noAnswers, ...options });
const values = () => readFileSync(join(host.folder, 'tiny.values.yaml'), 'utf8');
const written = (name: string, text: string | Uint8Array) => {
  writeFileSync(at(name), text);
  return at(name);
};
const enough = () => ({ fqdn: 'tiny.example', license: at('license.json') });

/** A refusal that has changed nothing. */
async function refused(options: Partial<InstallOptions>, exitCode: number): Promise<Invocation> {
  const was = fingerprint(host);
  const ended = await run(options);
  assert.equal(ended.exitCode, exitCode, said(ended));
  assert.deepEqual(fingerprint(host), was);
  return ended;
}

test('all that is missing is named at once, with its flag and its key, and the hint has all flags', async () => {
  const ended = await refused({ yes: false }, 2);
  assert.match(said(ended), /the licence: --license FILE, or license: FILE in the file of --answers; /);
  assert.match(said(ended), /the host name of this host: --fqdn NAME, or fqdn: NAME in .*; /);
  assert.match(said(ended), /the confirmation, since there is no terminal: --yes$/);
  assert.match(hintOf(ended), /install .*--license FILE --fqdn NAME --yes$/);
  const one = await refused({ fqdn: 'tiny.example' }, 2);
  assert.match(said(one), /^an install needs the licence: --license FILE/);
  // A plan needs no confirmation.
  const planned = await host.run('install', undefined, { ...noAnswers, yes: false, dryRun: true });
  assert.doesNotMatch(said(planned), /--yes/);
});

test('a flag is above the answers file, that above the values file, and that above the earlier attempt', async () => {
  const answers = at('a.yaml');
  const own = at('own.yaml');
  const worlds: [options: Partial<InstallOptions>, fqdn: string, alpha: string][] = [
    [{ answers, values: own, fqdn: 'flag.example', connectors: 'alpha' }, 'flag.example', 'true'],
    [{ answers, values: own }, 'file.example', 'false'],
    [{ license: at('license.json'), values: own }, 'values.example', 'true'],
  ];
  for (const [options, fqdn, alpha] of worlds) {
    host.become(empty);
    written('a.yaml', 'fqdn: file.example\nlicense: license.json\nconnectors: []\n');
    written('own.yaml', `host: values.example\nstorage: ${at('storage')}\nalpha: true\n`);
    const ended = await run(options);
    assert.equal(ended.exitCode, 0, said(ended));
    assert.match(values(), new RegExp(`host: "?${fqdn}`));
    assert.match(values(), new RegExp(`alpha: ${alpha}`));
    const images = Object.keys(host.cluster.state.images);
    assert.equal(
      images.some((name) => name.includes('/alpha:')),
      alpha === 'true',
      fqdn,
    );
  }
});

test('what was answered is kept by an attempt that was cut off: a plain install goes on with it, unasked', async () => {
  const answers = written('a.yaml', 'fqdn: file.example\nlicense: license.json\nconnectors: []\n');
  const cut = await host.run('install', signalAt('preflight:running', 'SIGINT').watch, {
    ...noAnswers,
    answers,
  });
  assert.equal(cut.exitCode, 130, said(cut));
  rmSync(answers);
  const ended = await run({ yes: false });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.match(values(), /host: "?file\.example/);
  assert.match(values(), /alpha: false/);
});

test('the same connectors, written another way, are no other answer; others need a yes', async () => {
  const options = { ...noAnswers, ...enough(), connectors: 'alpha' };
  const cut = await host.run('install', signalAt('chart:running', 'SIGINT').watch, options);
  assert.equal(cut.exitCode, 130, said(cut));
  const world = host.copy();
  const other = await run({ yes: false, connectors: 'none' });
  assert.equal(other.exitCode, 2, said(other));
  assert.match(said(other), /no terminal/);
  host.become(world);
  const ended = await run({ yes: false, connectors: ' alpha, alpha' });
  assert.equal(ended.exitCode, 0, said(ended));
});

test('an answers file that changes before the lock is held is decided again', async () => {
  const answers = written('a.yaml', 'fqdn: first.example\nlicense: license.json\n');
  const questions: string[] = [];
  const confirm = async (question: string) => {
    questions.push(question);
    if (questions.length === 1) writeFileSync(answers, 'fqdn: second.example\nlicense: license.json\n');
    return true;
  };
  const ended = await host.run('install', undefined, { ...noAnswers, yes: false, answers }, { confirm });
  assert.equal(ended.exitCode, 0, said(ended));
  assert.deepEqual(
    questions.map((text) => /for (\S+),/.exec(text)?.[1]),
    ['first.example', 'second.example'],
  );
  assert.match(values(), /host: "?second\.example/);
});

const licenses: Record<string, [content: string | Uint8Array, exitCode: number, says: RegExp]> = {
  'with Windows line ends': ['{\r\n"entitlements": ["TINY_CONNECTOR"]\r\n}\r\n', 0, /^$/],
  'with a byte order mark': ['\uFEFF{"entitlements":[]}', 2, /byte order mark/],
  'of another product': ['{"product":"other","entitlements":[]}', 2, /for another product/],
  'that has expired': ['{"entitlements":[],"expires":"2020-01-01"}', 2, /expired on 2020-01-01/],
  'that is empty': ['', 2, /is empty/],
  'in UTF-16': [Buffer.from('\uFEFF{"entitlements":[]}', 'utf16le'), 2, /UTF-16/],
};
for (const [name, [content, exitCode, says]] of Object.entries(licenses)) {
  test(`a licence ${name} ends an install with ${exitCode}`, async () => {
    const license = written('other.json', content);
    if (exitCode === 0) {
      const ended = await run({ ...enough(), license });
      assert.equal(ended.exitCode, 0, said(ended));
      return;
    }
    const ended = await refused({ ...enough(), license }, exitCode);
    assert.match(said(ended), says);
    // The same as an answer of the file.
    const answers = written('a.yaml', 'fqdn: tiny.example\nlicense: other.json\n');
    assert.match(said(await refused({ answers }, exitCode)), says);
  });
}

test('a licence of two megabytes, which no Secret can hold, is refused', async () => {
  const license = written('large.json', `{"entitlements":[]${' '.repeat(2 * 2 ** 20)}}`);
  const ended = await refused({ ...enough(), license }, 2);
  assert.match(said(ended), /2 MiB|a Secret holds at most/);
  truncateSync(license, 64 * 2 ** 20);
  await refused({ ...enough(), license }, 2);
});

const connectors: Record<string, [typed: string, says: RegExp, hint: RegExp]> = {
  'that there is not': [
    'alfa',
    /--connectors alfa: alfa is no connector of this release/,
    /--connectors alpha$/,
  ],
  'beside one that there is not': ['alpha,x', /x is no connector/, /./],
};
for (const [name, [typed, says, hint]] of Object.entries(connectors)) {
  test(`a connector ${name} is refused with what can be typed`, async () => {
    const ended = await refused({ ...enough(), connectors: typed }, 2);
    assert.match(said(ended), says);
    assert.match(hintOf(ended), hint);
  });
}

test('a connector that the licence does not grant is refused', async () => {
  const license = written('none.json', '{"entitlements":[]}');
  const ended = await refused({ ...enough(), license, connectors: 'alpha' }, 2);
  assert.match(said(ended), /does not grant alpha; it grants: none/);
});

const folders: Record<string, [make: () => string, exitCode: number, says: RegExp]> = {
  'that is not empty': [
    () => {
      mkdirSync(at('used'), { recursive: true });
      return written('used/PG_VERSION', '15').replace('/PG_VERSION', '');
    },
    3,
    /is not empty/,
  ],
  'that is a file': [() => written('file', ''), 2, /is not a folder/],
  'that is a link': [
    () => {
      if (!existsSync(at('link'))) symlinkSync('/var', at('link'));
      return at('link');
    },
    2,
    /is a link to \/var/,
  ],
  'that is not absolute': [() => 'storage', 2, /not an absolute, normalized path/],
  'below a folder that others can write': [() => '/tmp/tiny-storage', 3, /can be changed by other users/],
};
for (const [name, [make, exitCode, says]] of Object.entries(folders)) {
  test(`a database's folder ${name} is refused with ${exitCode}`, async () => {
    const storagePath = make();
    assert.match(said(await refused({ ...enough(), storagePath }, exitCode)), says);
  });
}

const storageClass = (name: string, reclaimPolicy: string) =>
  host.cluster.apply({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name },
    reclaimPolicy,
  });

test('a StorageClass that keeps its volumes may hold the database; the chart is told its name', async () => {
  storageClass('kept', 'Retain');
  const cut = await host.run('install', signalAt('chart:running', 'SIGINT').watch, {
    ...noAnswers,
    ...enough(),
    storageClass: 'kept',
  });
  assert.equal(cut.exitCode, 130, said(cut));
  const ended = await run({ yes: false });
  assert.equal(ended.exitCode, 0, said(ended));
  const made = host.cluster.get('PersistentVolumeClaim', claim, namespace);
  assert.match(JSON.stringify(made), /"storageClassName":"kept"/);
  assert.equal(host.cluster.list('PersistentVolume').length, 0);
  assert.match(values(), /storageClass: kept/);
  assert.equal(existsSync(at('storage')), false);
});

test('a StorageClass that deletes its volumes, or that there is not, is refused with those that there are', async () => {
  storageClass('lost', 'Delete');
  const lost = await refused({ ...enough(), storageClass: 'lost' }, 2);
  assert.match(said(lost), /reclaim policy is Delete: a deleted claim would delete the data/);
  const none = await refused({ ...enough(), storageClass: 'fast' }, 2);
  assert.match(said(none), /has no StorageClass fast; it has: lost/);
});
