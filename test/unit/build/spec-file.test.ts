import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { planPack } from '../../../build/pack-plan.ts';
import { writeTinySpec } from '../../fixtures/tiny-payload.ts';

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

  /** Plans the tiny spec after a change, and checks that the refusal names the first line that holds `marker`. */
  function refused(edit: (spec: Spec) => void, marker: string, message: RegExp): void {
    const path = edited(edit);
    const lines = readFileSync(path, 'utf8').split('\n');
    const line = lines.findIndex((text) => text.includes(marker)) + 1;
    assert.throws(
      () => planPack(path),
      (error: Error) => {
        assert.match(error.message, message);
        assert.ok(
          error.message.startsWith(`${path}:${line}: `),
          `${error.message} does not name line ${line}`,
        );
        return true;
      },
    );
  }

  it('gives a plan in a fixed order, without what is shared', () => {
    const { sources, sharedBytes } = planPack(writeTinySpec(folder));
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
  });

  it('is refused with file and line for what it gets wrong', () => {
    refused((spec) => (spec.release.version = '26.1'), 'version: "26.1"', /no version of the form/);
    assert.throws(
      () => planPack(edited((spec) => spec.images.push({ ...spec.images[0]! }))),
      /release\.yaml:\d+: the image .* comes twice/,
    );
    refused((spec) => (spec.images[0]!.ociLayout = 'absent'), '- reference', /index\.json cannot be read/);
    refused((spec) => (spec.chart = 'absent'), 'chart: absent', /there is no chart/);
    refused((spec) => (spec.files['more'] = 'absent'), 'more: absent', /there is no file/);
    refused((spec) => (spec.archives['connectors/alpha.tar.gz'] = ['x:y']), '- x:y', /there is no image x:y/);
    refused(
      (spec) => (spec.archives['other.tar.gz'] = [spec.images[0]!.reference]),
      'other.tar.gz',
      /cannot be named other\.tar\.gz/,
    );
    refused((spec) => (spec.files = {}), 'files', /values template tiny\.values\.template\.yaml is missing/);
  });

  it('is refused for names that leave the payload, come twice or differ in case only', () => {
    const named = (name: string) => edited((spec) => (spec.files[name] = 'template.yaml'));
    assert.throws(() => planPack(named('../escape')), /is no name inside a payload/);
    assert.throws(() => planPack(named('tools/helm')), /the name tools\/helm comes twice/);
    assert.throws(() => planPack(named('TOOLS/helm')), /differ in case only/);
    assert.throws(() => planPack(named('index.json')), /the name index\.json comes twice/);
  });

  it('is refused when it is no YAML, has a key twice or an unknown key', () => {
    const path = join(folder, 'bad.yaml');
    writeFileSync(path, 'product: a\nproduct: b\n');
    assert.throws(() => planPack(path), /bad\.yaml:2: Map keys must be unique/);
    refused((spec) => Object.assign(spec, { typo: 1 }), 'product:', /Unrecognized key/);
  });

  it('is refused when a blob is not what its digest says', () => {
    const path = writeTinySpec(folder);
    const { images } = planPack(path);
    const manifest = join(folder, 'oci/blobs', images[0]!.manifest.digest.replace(':', '/'));
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('schemaVersion', 'schemaversion'));
    assert.throws(() => planPack(path), /does not have the digest of its name/);
  });
});
