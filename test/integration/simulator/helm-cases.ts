import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { unpackRecord } from '../../fixtures/in-process-host/helm-record.ts';
import { gunzipSync, gzipSync } from 'node:zlib';
import { json, namespace, type Said, type World } from './worlds.ts';

/** What a world answers, without what may differ: times, uids, ages. */
export interface Case {
  name: string;
  ask(world: World): Promise<unknown>;
  /** Asked until the answer is the simulator's, where the real program works on after `ask`. */
  again?(world: World): Promise<unknown>;
}

/** A chart of the forms that the simulated Helm renders. */
export function writeCharts(folder: string): void {
  const map = (name: string, data: string) =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata:\n${data}`;
  const write = (version: string, templates: Record<string, string>) => {
    const chart = join(folder, version);
    mkdirSync(join(chart, 'templates'), { recursive: true });
    writeFileSync(
      join(chart, 'Chart.yaml'),
      `apiVersion: v2\nname: tiny-chart\nversion: 1.0.0\nappVersion: "${version}"\n`,
    );
    writeFileSync(join(chart, 'values.yaml'), 'pool: 3\nhost: none\n');
    for (const [name, text] of Object.entries(templates)) writeFileSync(join(chart, 'templates', name), text);
  };
  const config = map(
    'config',
    '  host: "{{ .Values.host }}"\n  pool: "{{ .Values.pool }}"\n  app: ' +
      '"{{ .Chart.AppVersion }}"\n  in: "{{ .Release.Namespace }}"\n',
  );
  write('2026.1', { 'config.yaml': config, 'old.yaml': map('old', '  note: text\n') });
  write('2026.2', { 'config.yaml': config, 'new.yaml': map('new', '  note: text\n') });
  write('2026.3', {
    'config.yaml': config,
    'server.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: server }
spec:
  selector: { matchLabels: { app: server } }
  template:
    metadata: { labels: { app: server } }
    spec: { containers: [{ name: server, image: "registry.example/none:1" }] }
`,
  });
  writeFileSync(join(folder, 'values.yaml'), 'host: tiny.example\n');
  writeFileSync(join(folder, 'overlay.yaml'), 'pool: 5\n');
}

const firstLine = ({ stderr }: Said) => stderr.split('\n').find((line) => line.startsWith('Error')) ?? '';

const failure = (said: Said) => ({ code: said.code, stdout: said.stdout, error: firstLine(said) });

/** Objects with the line that says of which template they come. */
const documents = (said: Said) => ({
  code: said.code,
  sources: said.stdout.split('\n').filter((line) => line.startsWith('# Source: ')),
  objects: parseAllDocuments(said.stdout).map((document) => document.toJS() as unknown),
});

const history = async (world: World) => {
  const rows = json<{ updated: string; description: string }[]>(
    await world.helm('history', 'tiny', '--output=json'),
  );
  return rows.map(({ updated, ...row }) => ({ ...row, isTime: !Number.isNaN(Date.parse(updated)) }));
};

/** Why a revision failed is reported at length, and by each in its way. */
const briefHistory = async (world: World) =>
  (await history(world)).map(({ description, ...row }) => ({
    ...row,
    description: description.replace(/^((?:Upgrade|Release) "tiny" failed: ).*/s, '$1…'),
  }));

interface SecretList {
  items: {
    type: string;
    metadata: { name: string; labels: Record<string, string> };
    data: { release: string };
  }[];
}

const records = async (world: World): Promise<SecretList['items']> =>
  json<SecretList>(
    await world.kubectl([
      'get',
      'secrets',
      '--output=json',
      '--namespace',
      namespace,
      '--selector',
      'owner=helm,name=tiny',
    ]),
  ).items;

const liveMaps = async (world: World) => {
  const { items } = json<{
    items: {
      metadata: { name: string; labels?: object; annotations?: object };
      data: object;
    }[];
  }>(await world.kubectl(['get', 'configmaps', '--output=json', '--namespace', namespace]));
  return items
    .map(({ metadata: { name, labels, annotations }, data }) => ({ name, labels, annotations, data }))
    .filter(({ name }) => name !== 'kube-root-ca.crt');
};

export function helmCases(folder: string): Case[] {
  const chart = (version: string) => join(folder, version);
  const values = ['values.yaml', 'overlay.yaml'].map((name) => `--values=${join(folder, name)}`);
  const install = (version: string, timeout = 20) => [
    'install',
    'tiny',
    chart(version),
    ...values,
    '--wait=watcher',
    '--hide-notes',
    `--timeout=${timeout}s`,
  ];
  const upgrade = (version: string, timeout = 20, historyMax = 10) => [
    'upgrade',
    'tiny',
    chart(version),
    ...values,
    '--wait=watcher',
    '--hide-notes',
    `--history-max=${historyMax}`,
    '--reset-values',
    '--server-side=true',
    '--rollback-on-failure',
    `--timeout=${timeout}s`,
  ];
  const asks = (name: string, shape: (said: Said) => unknown, ...args: string[]): Case => ({
    name,
    ask: async (world) => shape(await world.helm(...args)),
  });
  const code = ({ code: of }: Said) => of;
  return [
    asks('its version', ({ stdout }) => stdout.trim(), 'version', '--template={{.Version}}'),
    asks('history of no release', failure, 'history', 'tiny', '--output=json'),
    asks('metadata of no release', failure, 'get', 'metadata', 'tiny', '--output=json'),
    asks('values of no release', failure, 'get', 'values', 'tiny', '--output=json'),
    asks('manifest of no release', failure, 'get', 'manifest', 'tiny'),
    asks('an upgrade of no release', failure, ...upgrade('2026.1')),
    asks(
      'uninstall of no release',
      code,
      'uninstall',
      'tiny',
      '--ignore-not-found',
      '--wait',
      '--timeout=20s',
    ),
    asks('an upgrade rendered', documents, 'template', 'tiny', chart('2026.1'), '--is-upgrade', ...values),
    asks(
      'an upgrade rendered by the server',
      documents,
      'template',
      'tiny',
      chart('2026.1'),
      '--is-upgrade',
      ...values,
      '--dry-run=server',
      '--disable-openapi-validation',
    ),
    asks('an install', code, ...install('2026.1')),
    asks('a second install', failure, ...install('2026.1')),
    asks('metadata', (said) => pick(json(said), metadata), 'get', 'metadata', 'tiny', '--output=json'),
    { name: 'history after an install', ask: history },
    asks('the values given', json, 'get', 'values', 'tiny', '--output=json'),
    asks('all values', json, 'get', 'values', 'tiny', '--output=json', '--all'),
    asks('the manifest', documents, 'get', 'manifest', 'tiny'),
    { name: 'objects of the release', ask: liveMaps },
    {
      name: 'records of the release',
      ask: async (world) =>
        (await records(world)).map(({ type, metadata: { name, labels }, data }) => {
          const { updated, ...record } = unpackRecord(data.release);
          const { modifiedAt: _, ...marks } = labels;
          return { type, name, labels: marks, record, isTime: !Number.isNaN(Date.parse(updated)) };
        }),
    },
    asks('an upgrade', code, ...upgrade('2026.2')),
    { name: 'history after an upgrade', ask: history },
    { name: 'objects after an upgrade', ask: liveMaps },
    asks('values of a revision', json, 'get', 'values', 'tiny', '--output=json', '--revision=1'),
    asks('manifest of a revision', documents, 'get', 'manifest', 'tiny', '--revision=1'),
    asks(
      'metadata of a revision',
      (said) => pick(json(said), metadata),
      'get',
      'metadata',
      'tiny',
      '--output=json',
      '--revision=1',
    ),
    asks('values of a revision that is not there', failure, 'get', 'values', 'tiny', '--revision=9'),
    asks(
      'an upgrade that fails and is rolled back',
      ({ code: of, stderr }) => ({
        code: of,
        failed: /^Error: UPGRADE FAILED: /m.test(stderr),
        rolledBack:
          /release tiny failed, and has been rolled back due to rollback-on-failure being set: /.test(stderr),
      }),
      ...upgrade('2026.3', 2),
    ),
    {
      name: 'history after a rollback',
      ask: briefHistory,
    },
    { name: 'objects after a rollback', ask: liveMaps },
    asks('an upgrade that keeps three records', code, ...upgrade('2026.1', 20, 3)),
    {
      name: 'numbers of the records that are kept',
      ask: async (world) => (await history(world)).map((row) => pick(row, ['revision', 'status'])),
    },
    {
      name: 'an upgrade while another one is recorded as pending',
      ask: async (world) => {
        const kept = await records(world);
        const last = kept
          .toSorted((a, b) => Number(a.metadata.labels['version']) - Number(b.metadata.labels['version']))
          .at(-1)!;
        const packed = Buffer.from(Buffer.from(last.data.release, 'base64').toString(), 'base64');
        const record = JSON.parse(gunzipSync(packed).toString()) as {
          version: number;
          info: { status: string };
        };
        record.version += 1;
        record.info.status = 'pending-upgrade';
        const release = Buffer.from(gzipSync(JSON.stringify(record)).toString('base64')).toString('base64');
        const version = String(record.version);
        const labels = { owner: 'helm', name: 'tiny', version, status: 'pending-upgrade' };
        const metadata = { name: `sh.helm.release.v1.tiny.v${version}`, labels };
        const secret = { apiVersion: 'v1', kind: 'Secret', type: last.type, metadata, data: { release } };
        const apply = [
          'apply',
          '--server-side',
          '--field-manager=tiny',
          '--filename=-',
          '--namespace',
          namespace,
        ];
        const { code: applied } = await world.kubectl(apply, JSON.stringify(secret));
        return {
          applied,
          ...failure(await world.helm(...upgrade('2026.2'))),
          history: (await history(world)).at(-1),
        };
      },
    },
    asks('uninstall', code, 'uninstall', 'tiny', '--ignore-not-found', '--wait', '--timeout=20s'),
    { name: 'objects after it', ask: liveMaps },
    asks(
      'an install that fails',
      ({ code: of, stderr }) => ({ code: of, failed: /^Error: INSTALLATION FAILED: /m.test(stderr) }),
      ...install('2026.3', 2),
    ),
    { name: 'history after it', ask: briefHistory },
    asks('an upgrade of what has failed', code, ...upgrade('2026.2')),
    { name: 'history after that', ask: briefHistory },
    { name: 'records after it', ask: async (world) => (await records(world)).length },
  ];
}

const metadata = ['name', 'namespace', 'revision', 'status', 'chart', 'version', 'appVersion', 'applyMethod'];

export const pick = (object: object, keys: readonly string[]) =>
  Object.fromEntries(keys.map((key) => [key, (object as Record<string, unknown>)[key]]));
