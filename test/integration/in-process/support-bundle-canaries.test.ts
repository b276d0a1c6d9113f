import assert from 'node:assert/strict';
import { appendFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stringify } from 'yaml';
import { packRecord, unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import { licenseText, namespace } from '../../fixtures/in-process-host/product.ts';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import { type Canary, canaries, encodings } from '../../fixtures/canaries.ts';
import { type Bundle, bundleOf } from '../../fixtures/support-bundle.ts';

/** Secrets in every form and in every place that a bundle reads: none of them is in any of its bytes. */

const adminPassword = 'of-the/operator+alone 1';
let host: SimulatedHost;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  appendFileSync(join(host.folder, 'tiny.values.yaml'), `adminPassword: "${adminPassword}"\n`);
});
after(() => host.close());

/** Where a text is put, and the file of the bundle that has what is left of it. */
const places: Record<string, { file: RegExp; put: (texts: readonly string[]) => void }> = {
  'an event': {
    file: /^pods\/events\.txt$/,
    put: (texts) =>
      texts.forEach((message, at) =>
        host.cluster.apply({
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name: `event-${at}`, namespace },
          involvedObject: { kind: 'Pod', name: 'server-0' },
          reason: 'Seen',
          message,
        } as never),
      ),
  },
  'the values file': {
    file: /^helm\/values-file\.yaml$/,
    put: (texts) => appendFileSync(join(host.folder, 'tiny.values.yaml'), stringify({ notes: texts })),
  },
  "Helm's values": {
    file: /^helm\/values-of-revision-1\.yaml$/,
    put: (texts) => {
      const secret = host.cluster.list('Secret', namespace, 'owner=helm')[0]!;
      const record = unpackRecord((secret['data'] as { release: string }).release);
      const values = { ...record.values, notes: texts };
      host.cluster.apply({ ...secret, data: { release: packRecord({ ...record, values }, 'tiny') } });
    },
  },
  'the variables and the state of a pod': {
    file: /^pods\/objects\.yaml$/,
    put: (texts) => {
      const pod = host.cluster.get('Pod', 'server-0', namespace)!;
      const spec = structuredClone(pod['spec']) as { containers: { env?: object[] }[] };
      spec.containers[0]!.env = texts.map((value, at) => ({ name: `NOTE_${at}`, value }));
      const annotations = { note: texts.join('\n') };
      host.cluster.apply({ ...pod, spec, metadata: { ...pod.metadata, annotations } });
    },
  },
  'the log of a run': {
    file: /^run-logs\/.*\.jsonl$/,
    put: (texts) => {
      const logs = join(host.folder, '.installer/logs');
      const [name] = readdirSync(logs);
      for (const line of texts)
        appendFileSync(join(logs, name!), `${JSON.stringify({ type: 'LOG', line })}\n`);
    },
  },
};

const talkers = new Set(['journalctl', 'systemctl', 'ps', 'ip', 'ss', 'iptables', 'lsblk', 'timedatectl']);

/** Programs that say all of it. */
const talking =
  (texts: readonly string[]) =>
  (argv: readonly string[]): string | undefined =>
    argv.includes('logs') || talkers.has(argv[0] ?? '')
      ? `${texts.map((text, at) => `line ${at}\n${text}`).join('\n')}\n`
      : undefined;

/** A secret as programs say it, whole. */
const spoken = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret),
  ...['', 'x', 'xx'].map((before) => Buffer.from(`${before}${secret} after`).toString('base64')),
];

function assertClean(bundle: Bundle, of: readonly Pick<Canary, 'form' | 'secret'>[]): void {
  for (const [name, text] of bundle.files) {
    for (const { form, secret } of of) {
      for (const found of encodings(secret))
        assert.ok(!text.includes(found), `${form} in ${name}: ${found.slice(0, 30)}`);
    }
  }
}

test('none of the forms is in the bundle, from no place', async () => {
  const world = host.copy();
  const texts = canaries.flatMap(({ text }) => [
    text,
    Buffer.from(text).toString('base64'),
    encodeURIComponent(text),
  ]);
  for (const [place, { put }] of Object.entries(places)) {
    host.become(world);
    put(texts);
    const bundle = await bundleOf(host);
    assertClean(bundle, canaries);
    const file = [...bundle.files].find(([name]) => places[place]!.file.test(name));
    assert.match(file?.[1] ?? '', /\[redacted\]/, `${place}: nothing was there to be removed`);
  }
  host.become(world);
  const said = await bundleOf(host, talking(texts));
  assertClean(said, canaries);
  for (const name of ['pod-logs/server-0.server.log', 'k3s-service/journal.txt'])
    assert.match(said.files.get(name) ?? '', /line 3\n/);
});

test('secrets of this host are known: nobody needs to announce them', async () => {
  const keys = ['database-password', 'user_token', 'hostkey', 'db2-passport'];
  host.cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'of-others', namespace },
    data: Object.fromEntries(
      keys.map((key) => [key, Buffer.from(`value-of-${key}-7391`).toString('base64')]),
    ),
  });
  const generated = host.cluster
    .list('Secret', namespace)
    .filter(({ metadata }) => metadata.labels?.['owner'] !== 'helm')
    .flatMap(({ data }) => Object.values((data ?? {}) as Record<string, string>))
    .map((encoded) => Buffer.from(encoded, 'base64').toString());
  const secrets = [...generated, adminPassword, licenseText, 'serial-of-tiny'];
  assert.ok(secrets.length >= 6);
  const bundle = await bundleOf(host, talking(secrets.flatMap(spoken)));
  const known = secrets.map((secret, at) => ({ form: `known secret ${at}`, secret }));
  assertClean(bundle, known);
  assert.match(bundle.files.get('state/state.json')!, /"product": ?"tiny"/);
  assert.match(bundle.files.get('status/status.txt')!, /2026\.1 installed, complete/);
});
