import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkedPlan } from '../../../build/pack-check.ts';
import { tarOf } from '../../fixtures/oci-layout.ts';
import { tinyProduct, writeTinySpec } from '../../fixtures/tiny-payload.ts';

interface Spec {
  release: { version: string };
  images: { reference: string; ociLayout: string }[];
  archives: Record<string, string[]>;
  files: Record<string, string>;
  chart: string;
}

describe('a release spec', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tiny-spec-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const edited = (edit: (spec: Spec) => void) =>
    writeTinySpec(folder, { editSpec: (spec) => edit(spec as unknown as Spec) });

  const plan = (path: string) => checkedPlan(path, { folder: join(folder, 'scratch') });

  /**
   * Plans the tiny spec after a change, and checks that the refusal names the first line that holds `marker`.
   */
  async function refused(edit: (spec: Spec) => void, marker: string, message: RegExp): Promise<void> {
    const path = edited(edit);
    const lines = readFileSync(path, 'utf8').split('\n');
    const line = lines.findIndex((text) => text.includes(marker)) + 1;
    await assert.rejects(plan(path), (error: Error) => {
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(`${path}:${line}: `), `${error.message} does not name line ${line}`);
      return true;
    });
  }

  it('gives a plan in a fixed order, without what is shared', async () => {
    const { sources, sharedBytes, uncompressedBytes } = await plan(writeTinySpec(folder));
    assert.deepEqual(
      sources.map(({ name }) => name).filter((name) => !name.startsWith('blobs/')),
      [
        'product.json',
        'release.json',
        'TinyChart/Chart.yaml',
        'TinyChart/templates/config.yaml',
        'TinyChart/values.yaml',
        'tiny.values.template.yaml',
        'tools/helm',
      ],
    );
    assert.ok(sharedBytes >= 2 * 150_000);
    // One base and three small layers; the connector's other one is compressed.
    assert.ok(uncompressedBytes >= 150_000 && uncompressedBytes < 160_000, String(uncompressedBytes));
  });

  it('is refused with file and line for what it gets wrong', async () => {
    await refused(
      (spec) => (spec.release.version = '26.1'),
      'version: "26.1"',
      /release\.version is "26\.1", which is not a version of the form/,
    );
    await assert.rejects(
      plan(edited((spec) => spec.images.push({ ...spec.images[0]! }))),
      /release\.yaml:\d+: the image .* comes twice/,
    );
    await refused(
      (spec) => (spec.images[0]!.ociLayout = 'absent'),
      '- reference',
      /has neither index\.json nor manifest\.json/,
    );
    await refused((spec) => (spec.chart = 'absent'), 'chart: absent', /there is no chart/);
    await refused((spec) => (spec.files['more'] = 'absent'), 'more: absent', /there is no file/);
    await refused(
      (spec) => (spec.archives['connectors/alpha.tar.gz'] = ['x:y']),
      '- x:y',
      /there is no image x:y/,
    );
    await refused(
      (spec) => (spec.archives['other.tar.gz'] = [spec.images[0]!.reference]),
      'other.tar.gz',
      /cannot be named other\.tar\.gz/,
    );
    await refused(
      (spec) => (spec.files = {}),
      'files',
      /values template tiny\.values\.template\.yaml is missing/,
    );
  });

  it('is refused for names that leave the payload, are duplicates or differ in case only', async () => {
    const named = (name: string) => edited((spec) => (spec.files[name] = 'template.yaml'));
    await assert.rejects(plan(named('../escape')), /release\.yaml:\d+: .* is no name inside a payload/);
    await assert.rejects(plan(named('tools/helm')), /release\.yaml:\d+: duplicate name tools\/helm/);
    await assert.rejects(plan(named('TOOLS/helm')), /release\.yaml:\d+: .* differ in case only/);
    await assert.rejects(plan(named('index.json')), /duplicate name index\.json/);
  });

  it('is refused for thresholds, routes and archives that its product misses', async () => {
    type Product = typeof tinyProduct;
    const product = (edit: (product: Product) => unknown) => {
      const changed = structuredClone(tinyProduct);
      edit(changed);
      // A key that is undefined is not written.
      return writeTinySpec(folder, { product: changed });
    };
    const missing: [(product: Product) => unknown, RegExp][] = [
      [(p) => Object.assign(p, { requirements: undefined }), /product\.yaml:\d+: requirements: /],
      [(p) => Object.assign(p.requirements, { upgrade: undefined }), /:\d+: requirements\.upgrade: /],
      [(p) => Object.assign(p.requirements.install, { cpus: 0 }), /:\d+: requirements\.install\.cpus: /],
      [
        (p) => (p.requirements.upgrade.room = []),
        /:\d+: requirements\.upgrade\.room .* threshold is missing/,
      ],
      [(p) => (p.health = []), /:\d+: health: /],
      [(p) => Object.assign(p.health[0]!, { path: undefined }), /:\d+: health\.0\.path: /],
      [
        (p) => (p.health[0]!.selector = 'app=sever'),
        /:\d+: the health route server looks at app=sever, which no/,
      ],
      [(p) => (p.workloads = []), /:\d+: workloads: /],
      [
        (p) => Object.assign(p, { onPath: { kubectl: 'tiny' } }),
        /product\.yaml:\d+: the name tiny on PATH is taken/,
      ],
      [(p) => Object.assign(p, { onPath: { pgDump: 'pg_dump' } }), /the name pg_dump on PATH is taken/],
      [(p) => Object.assign(p.helm, { timeoutSeconds: undefined }), /:\d+: helm\.timeoutSeconds: /],
      [
        (p) => Object.assign(p.entitlements, { OTHER: { connector: 'other' } }),
        /product\.yaml:\d+: the release has no archive connectors\/other\.tar\.gz/,
      ],
    ];
    for (const [edit, message] of missing) await assert.rejects(plan(product(edit)), message);
  });

  it('is refused for a chart with crds/, its dependencies included', async () => {
    const chart = 'apiVersion: v2\nname: sub\nversion: 1.0.0\n';
    const charts: Record<string, string | Buffer>[] = [
      { 'crds/tiny.yaml': 'kind: CustomResourceDefinition\n' },
      { 'charts/sub/Chart.yaml': chart, 'charts/sub/crds/tiny.yaml': '' },
      { 'charts/sub-1.0.0.tgz': gzipSync(tarOf({ 'sub/Chart.yaml': chart, 'sub/crds/tiny.yaml': '' })) },
    ];
    for (const files of charts) {
      const path = writeTinySpec(folder, {
        editFiles: () => {
          for (const [name, content] of Object.entries(files)) {
            mkdirSync(join(folder, 'chart', name, '..'), { recursive: true });
            writeFileSync(join(folder, 'chart', name), content);
          }
        },
      });
      await assert.rejects(
        plan(path),
        /release\.yaml:\d+: .*crds\/tiny\.yaml: Helm never upgrades what lies in crds/,
      );
      rmSync(join(folder, 'chart'), { recursive: true });
    }
    const harmless = writeTinySpec(folder, {
      editFiles: () => {
        mkdirSync(join(folder, 'chart/charts'));
        const tgz = gzipSync(tarOf({ 'sub/Chart.yaml': chart, 'sub/templates/crds/a.yaml': '' }));
        writeFileSync(join(folder, 'chart/charts/sub.tgz'), tgz);
      },
    });
    assert.ok((await plan(harmless)).sources.length > 0);
    rmSync(join(folder, 'chart'), { recursive: true });
  });

  it('is refused for a values matrix without Helm, or with an axis without choices', async () => {
    const matrix = (value: object) => (spec: Spec) => Object.assign(spec, { valuesMatrix: value });
    await refused(
      (spec) => Object.assign(matrix({ host: { plain: [] } })(spec), { tools: {} }),
      'tools:',
      /tools\.helm is missing: it renders the chart here/,
    );
    await refused(matrix({ host: {} }), 'valuesMatrix', /an axis without choices/);
  });

  it('is refused for a values template that the chart lacks, or that its .helmignore leaves out', async () => {
    const template = 'TinyChart/site.yaml';
    const specOf = (files: Record<string, string>) =>
      writeTinySpec(folder, {
        product: { values: { ...tinyProduct.values, template } },
        editSpec: (spec) => (spec['files'] = {}),
        editFiles: () => {
          for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'chart', name), text);
        },
      });
    const missing =
      /product\.yaml:\d+: the chart has no TinyChart\/site\.yaml, or its \.helmignore leaves it out/;
    await assert.rejects(plan(specOf({})), missing);
    await assert.rejects(plan(specOf({ 'site.yaml': 'host: a\n', '.helmignore': 'site.yaml\n' })), missing);
    assert.ok((await plan(specOf({ '.helmignore': '' }))).sources.some(({ name }) => name === template));
    rmSync(join(folder, 'chart'), { recursive: true });
  });

  it('is refused when it is no YAML, has a key twice or an unknown key', async () => {
    const path = join(folder, 'bad.yaml');
    writeFileSync(path, 'product: a\nproduct: b\n');
    await assert.rejects(plan(path), /bad\.yaml:2: Map keys must be unique/);
    await refused((spec) => Object.assign(spec, { typo: 1 }), 'product:', /Unrecognized key/);
  });

  it('is refused when a blob is not what its digest says', async () => {
    const path = writeTinySpec(folder);
    const { images } = await plan(path);
    const manifest = join(folder, 'oci/blobs', images[0]!.manifest.digest.replace(':', '/'));
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('schemaVersion', 'schemaversion'));
    await assert.rejects(plan(path), /does not have the digest of its name/);
  });
});
