import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Product } from '../../../src/payload/product-schema.ts';
import { Cleaner } from '../../../src/support/clean.ts';
import { collectOne } from '../../../src/support/collect.ts';
import type { Facts, SupportContext } from '../../../src/support/collector.ts';
import { k3sService } from '../../../src/support/collectors/k3s-service.ts';
import { faultsOf } from '../../../src/support/faults.ts';
import { canaries, encodings } from '../../fixtures/canaries.ts';

/** k3s' own files on disk, read while nothing of k3s answers and systemd is not there. */

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'k3s-'));
});
after(() => rmSync(folder, { recursive: true }));

const put = (path: string, text: string) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

async function collected() {
  const refused = () => Promise.reject(new Error('systemctl is not installed'));
  const facts: Facts = {};
  const ctx = {
    facts,
    opened: { product: { k3s: { kubeconfig: join(folder, 'etc/k3s.yaml') } } },
    runner: { run: refused },
    tools: () => Promise.resolve({ containerd: { root: async () => join(folder, 'agent/containerd') } }),
  } as unknown as SupportContext;
  const { documents, missing } = await collectOne(k3sService, ctx, new AbortController().signal);
  return { missing, facts, files: new Map(documents.map(({ name, text }) => [name, text])) };
}

test('its settings are there, and which there are none of', async () => {
  put('etc/config.yaml', 'write-kubeconfig-mode: "0600"\n');
  put('etc/config.yaml.d/10-pods.yaml', 'kubelet-arg:\n  - max-pods=200\n');
  const { files, missing } = await collected();
  assert.match(files.get('config.yaml')!, /0600/);
  assert.match(files.get('config.yaml.d_10-pods.yaml')!, /max-pods=200/);
  const at = (name: string) => join(folder, 'etc', name);
  assert.deepEqual(files.get('settings.txt')!.split('\n'), [
    at('config.yaml'),
    at('config.yaml.d/10-pods.yaml'),
    `there is no ${at('registries.yaml')}`,
  ]);
  assert.match(missing!, /systemctl is not installed/);
});

test('containerd does not answer in time: what systemd says of k3s is there', async () => {
  const ctx = {
    facts: {},
    opened: { product: { k3s: { kubeconfig: join(folder, 'etc/k3s.yaml') } } },
    runner: { run: async (argv: readonly string[]) => ({ stdout: argv.join(' ') }) },
    tools: () => new Promise<never>(() => {}),
  } as unknown as SupportContext;
  const brief = { ...k3sService, timeoutMs: 300 };
  const { documents, missing } = await collectOne(brief, ctx, new AbortController().signal);
  assert.match(documents.find(({ name }) => name === 'journal.txt')!.text, /^journalctl --unit=k3s/);
  assert.equal(missing, 'no answer within 0.3 s');
});

test('a certificate that has expired is the first fault: the cluster is down for it', async () => {
  const openssl = (words: string) => execFileSync('openssl', words.split(' '), { stdio: 'ignore' });
  const tls = join(folder, 'server/tls');
  mkdirSync(tls, { recursive: true });
  for (const [name, days] of [
    ['server-ca', 300],
    ['serving-kube-apiserver', -1],
  ] as const) {
    const path = join(tls, name);
    openssl(`req -newkey rsa:2048 -nodes -subj /CN=${name} -keyout ${path}.key -out ${path}.csr`);
    openssl(`x509 -req -in ${path}.csr -signkey ${path}.key -days ${days} -out ${path}.crt`);
  }
  const { files, facts } = await collected();
  const lines = files.get('certificates.txt')!.split('\n');
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /^20\S+Z +EXPIRED +\S+\/server\/tls\/serving-kube-apiserver\.crt$/);
  assert.match(lines[1]!, /^20\S+Z +\S+\/server\/tls\/server-ca\.crt$/);
  const cluster = { known: false, why: 'the Kubernetes API server does not answer' } as const;
  const [place] = facts.expired!;
  const measured = `${place!.place} expired on ${place!.validTo.toISOString()}`;
  const results = [{ id: 'certificates', status: 'fail', measured, limit: '', why: '', fix: '' }];
  const preflight = { known: true, value: { results } } as unknown as Facts['preflight'];
  const faults = faultsOf({ ...facts, cluster, preflight }, { product: {} as Product }, './ivaap');
  assert.match(faults[0]!.title, /serving-kube-apiserver\.crt expired on 20/);
  assert.equal(faults[0]!.hint, 'systemctl restart k3s');
  assert.match(faults[1]!.title, /does not answer/);
  assert.equal(faults.length, 2, 'preflight says nothing else');
});

test('no form of a secret in its settings is left', async () => {
  put('etc/config.yaml', canaries.map(({ text }) => text).join('\n'));
  put('etc/registries.yaml', canaries.map(({ text }) => Buffer.from(text).toString('base64')).join('\n'));
  const { files } = await collected();
  const cleaner = new Cleaner();
  for (const text of files.values()) cleaner.learn(text);
  for (const name of ['config.yaml', 'registries.yaml']) {
    const text = cleaner.text(files.get(name)!);
    assert.match(text, /\[redacted\]/);
    for (const { form, secret } of canaries)
      for (const found of encodings(secret)) assert.ok(!text.includes(found), `${form} in ${name}`);
  }
});
