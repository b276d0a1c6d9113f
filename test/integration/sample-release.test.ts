import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { parse, parseAllDocuments, parseDocument } from 'yaml';
import { checkedPlan } from '../../build/pack-check.ts';
import { releaseSpecSchema } from '../../build/release-spec.ts';
import { buildRelease } from '../../payload-spec/sample/build.ts';
import { buildImages, bundleService } from '../../payload-spec/sample/images.ts';
import { tarOf } from '../../payload-spec/sample/layer.ts';
import { writeOciLayout } from '../../payload-spec/sample/oci-layout.ts';
import { sampleVersions } from '../../payload-spec/sample/releases.ts';
import { productSchema } from '../../src/payload/product-schema.ts';

const run = promisify(execFile);
const folders = new Map<string, string>();
let scratch: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ivaap-sample-release-'));
  for (const version of sampleVersions) folders.set(version, await buildRelease(version));
});
after(() => rm(scratch, { recursive: true, force: true }));

const inRelease = (version: string, path: string) => join(folders.get(version) as string, path);
const productOf = async (version: string) =>
  productSchema.parse(parse(await readFile(inRelease(version, 'product.yaml'), 'utf8')));
const specOf = async (version: string) =>
  releaseSpecSchema.parse(parse(await readFile(inRelease(version, 'release-spec.yaml'), 'utf8')));

/** The values file as a fresh install with these connectors writes it. */
async function freshValues(version: string, connectors: string[]): Promise<string> {
  const template = await readFile(inRelease(version, 'files/values.template.yaml'), 'utf8');
  const filled = template
    .replace('{{fqdn}}', 'ivaap.example')
    .replace('{{storagePath}}', '/opt/ivaap/postgres');
  const document = parseDocument(filled);
  for (const { connector, enabledPath } of Object.values((await productOf(version)).entitlements)) {
    if (enabledPath) document.setIn(enabledPath, connectors.includes(connector));
  }
  const file = join(scratch, `values-${version}-${connectors.join('-')}.yaml`);
  await writeFile(file, document.toString());
  return file;
}

async function render(version: string, values: string, ...more: string[]) {
  const args = [
    'template',
    'ivaap',
    inRelease(version, 'chart'),
    '--namespace',
    'ivaap',
    '-f',
    values,
    ...more,
  ];
  const { stdout } = await run(inRelease(version, 'tools/helm'), args, { maxBuffer: 1 << 24 });
  return parseAllDocuments(stdout).map((document) => document.toJS());
}

/** Name -> size in bytes of all blobs of a release. */
async function blobs(version: string): Promise<Map<string, number>> {
  const folder = inRelease(version, 'images/blobs/sha256');
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return new Map(names.map((name, index) => [name, sizes[index] as number]));
}

test("product.yaml is valid, and each path that it names exists in every release's template", async () => {
  for (const version of sampleVersions) {
    const { values, entitlements } = await productOf(version);
    const template = parseDocument(await readFile(inRelease(version, 'files/values.template.yaml'), 'utf8'));
    assert.equal(template.getIn(values.keys.fqdn), '{{fqdn}}');
    assert.equal(template.getIn(values.keys.storagePath ?? []), '{{storagePath}}');
    assert.equal(template.getIn(values.autoMigrate?.path ?? []), values.autoMigrate?.on);
    for (const path of values.secrets) assert.equal(template.getIn(path), '');
    for (const { enabledPath } of Object.values(entitlements)) {
      assert.equal(template.getIn(enabledPath ?? []), false);
    }
  }
});

test('the same sources give the same bytes, layer for layer', async () => {
  const script = await bundleService('backend/main.ts', '2026.2');
  assert.deepEqual(await bundleService('backend/main.ts', '2026.2'), script);
  const entries = [
    { path: 'b', type: 'file' as const, mode: 0o644, content: script },
    { path: 'a', type: 'directory' as const, mode: 0o755 },
  ];
  assert.deepEqual(await tarOf(entries), await tarOf(entries.toReversed()));
  const { images } = await buildImages('2026.2');
  await writeOciLayout(join(scratch, 'again'), images);
  const again = await readFile(join(scratch, 'again/index.json'), 'utf8');
  assert.equal(again, await readFile(inRelease('2026.2', 'images/index.json'), 'utf8'));
});

test('two releases share their large layers: an upgrade brings less than 200 KB of new blobs', async () => {
  for (const [from, to] of [
    ['2026.1', '2026.2'],
    ['2026.2', '2027.1'],
  ] as const) {
    const present = await blobs(from);
    const incoming = await blobs(to);
    const added = [...incoming].filter(([name]) => !present.has(name));
    const addedBytes = added.reduce((sum, [, size]) => sum + size, 0);
    const allBytes = [...incoming.values()].reduce((sum, size) => sum + size, 0);
    assert.ok(addedBytes > 0 && addedBytes < 200_000, `${from} -> ${to}: ${addedBytes} bytes`);
    assert.ok(allBytes > 50_000_000, `${to} has ${allBytes} bytes in all`);
  }
});

test('every image of a release has an image ID that no other release has', async () => {
  const seen = new Map<string, string>();
  for (const version of sampleVersions) {
    const index = JSON.parse(await readFile(inRelease(version, 'images/index.json'), 'utf8'));
    for (const { digest, annotations } of index.manifests) {
      const blob = inRelease(version, `images/blobs/sha256/${digest.slice(7)}`);
      const { config } = JSON.parse(await readFile(blob, 'utf8'));
      assert.equal(seen.get(config.digest), undefined, annotations['org.opencontainers.image.ref.name']);
      seen.set(config.digest, version);
    }
  }
  assert.equal(seen.size, sampleVersions.length * 6);
});

test('helm lint --strict finds nothing in the chart of any release', async () => {
  for (const version of sampleVersions) {
    const values = await freshValues(version, ['witsml', 'ppdm']);
    const args = ['lint', '--strict', inRelease(version, 'chart'), '-f', values];
    const { stdout } = await run(inRelease(version, 'tools/helm'), args);
    assert.match(stdout, /1 chart\(s\) linted, 0 chart\(s\) failed/);
    assert.doesNotMatch(stdout, /WARNING|ERROR/);
  }
});

test('what the chart renders is in the payload, and a connector runs only where it is switched on', async () => {
  for (const version of sampleVersions) {
    const { archives } = await specOf(version);
    const packed = new Set(Object.values(archives).flat());
    for (const connectors of [[], ['witsml'], ['ppdm', 'witsml']]) {
      const objects = await render(version, await freshValues(version, connectors));
      const workloads = objects.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');
      for (const { spec } of workloads) {
        for (const { image } of spec.template.spec.containers) assert.ok(packed.has(image), image);
      }
      const names = workloads.map(({ metadata }) => metadata.name).sort();
      const expected = [
        'adminserver',
        'backend',
        'dashboard',
        'postgres',
        ...connectors.map((name) => `connector-${name}`),
      ];
      assert.deepEqual(names, expected.sort());
    }
  }
});

test('the packer renders each release with every combination of its connectors and refuses nothing', async () => {
  for (const version of sampleVersions) {
    const spec = inRelease(version, 'release-spec.yaml');
    const { chart } = await checkedPlan(spec, { folder: join(scratch, `pack-${version}`) });
    const ways = ['witsml=off ppdm=off', 'witsml=off ppdm=on', 'witsml=on ppdm=off', 'witsml=on ppdm=on'];
    assert.deepEqual(
      chart?.combinations,
      ways.map((way) => `host=fresh ${way}`),
    );
    assert.ok(chart.secretBytes > 10_000 && chart.secretBytes < 100_000, String(chart.secretBytes));
  }
});

test('each workload that product.yaml names is rendered with its selector, and only the database claim is mounted', async () => {
  const product = await productOf('2026.2');
  const objects = await render('2026.2', await freshValues('2026.2', []));
  for (const { kind, name, selector } of product.workloads) {
    const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
    const [key = '', value] = selector.split('=');
    assert.equal(found?.spec.template.metadata.labels[key], value);
    assert.ok(kind !== 'Deployment' || found.spec.progressDeadlineSeconds === 60);
  }
  assert.ok(!objects.some(({ kind }) => kind === 'PersistentVolumeClaim' || kind === 'PersistentVolume'));
  const text = JSON.stringify(objects);
  assert.deepEqual(text.match(/"claimName":"[^"]+"/g), [`"claimName":"${product.database.volume.claim}"`]);
  assert.equal(objects.find(({ kind }) => kind === 'Ingress').spec.rules[0].host, 'ivaap.example');
});

test("adminserver's flag comes from a ConfigMap that its pod carries no checksum of", async () => {
  const values = await freshValues('2026.2', []);
  const flag = 'IVAAP_SERVER_ADMIN_AUTO_MIGRATE';
  const on = await render('2026.2', values);
  const off = await render('2026.2', values, '--set-string', `adminserver.env.${flag}=false`);
  const part = (objects: typeof on, kind: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === 'adminserver');
  assert.deepEqual([part(on, 'ConfigMap').data[flag], part(off, 'ConfigMap').data[flag]], ['true', 'false']);
  assert.deepEqual(part(on, 'Deployment'), part(off, 'Deployment'));
});

test("the schema of the values refuses what the chart would misread, and keeps accepting 2026.1's own file", async () => {
  const values = await freshValues('2026.2', []);
  await assert.rejects(
    render('2026.2', values, '--set', 'adminserver.env.IVAAP_SERVER_ADMIN_AUTO_MIGRATE=true'),
    /IVAAP_SERVER_ADMIN_AUTO_MIGRATE/,
  );
  await assert.rejects(render('2026.2', values, '--set', 'backend.readynessPath=/x'), /readynessPath/);
  await assert.rejects(render('2026.2', values, '--set', 'ingress.host='), /ingress\.host is needed/);
  const unitsOf = (objects: Awaited<ReturnType<typeof render>>) =>
    objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'backend').data
      .IVAAP_BACKEND_UNIT_SYSTEM;
  const old = await freshValues('2026.1', []);
  assert.equal(unitsOf(await render('2026.1', old)), 'field');
  // Without the release's values patch the old name of the setting means nothing any more.
  assert.equal(unitsOf(await render('2026.2', old)), 'metric');
  const { release } = await specOf('2026.2');
  const [patch] = release.valuesPatches;
  const set = patch?.set.map(({ path, value }) => `${path.join('.')}=${value}`).join(',') ?? '';
  assert.equal(unitsOf(await render('2026.2', old, '--set', set)), 'field');
});
