import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { checkedPlan } from '../../../build/pack-check.ts';
import { packPayload } from '../../../build/pack-payload.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { tinyHead, tinyProduct, writeTinySpec, type TinyOptions } from '../../fixtures/tiny-payload.ts';

type Spec = Record<string, Record<string, unknown>>;

describe('what the reader would refuse', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'readable-'));
    writeFileSync(join(folder, 'head'), tinyHead());
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const pack = (spec: string, more: { padToBytes?: number } = {}) =>
    packPayload({ spec, executable: join(folder, 'head'), output: join(folder, 'out'), ...more });
  const made = () => readdirSync(folder).filter((name) => /out|partial|unpacked/.test(name));

  /** By --check and by packing, with the line of `line`, before anything is written. */
  async function refused(options: TinyOptions, file: string, line: RegExp, message: RegExp): Promise<void> {
    const spec = writeTinySpec(folder, options);
    const number =
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .findIndex((text) => line.test(text)) + 1;
    assert.ok(number > 0, String(line));
    const expected = ({ name, message: text }: Error) => {
      assert.equal(name, 'SpecError', text);
      assert.ok(text.startsWith(`${join(folder, file)}:${number}: `), `${text} names no line ${number}`);
      assert.match(text, message);
      return true;
    };
    await assert.rejects(checkedPlan(spec, { folder }), expected);
    await assert.rejects(pack(spec), expected);
    assert.deepEqual(made(), []);
  }
  const edited = (edit: (spec: Spec) => void): TinyOptions => ({ editSpec: (spec) => edit(spec as Spec) });

  it('a file and a folder of one name', async () => {
    for (const [name, message] of [
      ['tiny.values.template.yaml/more', /tiny\.values\.template\.yaml is a file, and a folder in/],
      ['tinychart', /tinychart is a file, and a folder in TinyChart\//],
      ['connectors', /connectors is a file, and a folder in connectors\/alpha\.tar\.gz/],
      ['index.json/x', /index\.json is a file, and a folder in index\.json\/x/],
    ] as const) {
      const spec = writeTinySpec(
        folder,
        edited(({ files }) => (files![name] = 'template.yaml')),
      );
      await assert.rejects(checkedPlan(spec, { folder }), message);
      await assert.rejects(pack(spec), { name: 'SpecError', message });
    }
    assert.deepEqual(made(), []);
  });

  for (const [what, letter] of [
    ['a control character', '\u0007'],
    ['an escape', '\u001b[1m'],
    ['a mark of direction', '\u202e'],
    ['a space without width', '\u200b'],
  ] as const)
    it(`${what} in a text`, async () => {
      const title = `Tiny${letter}`;
      await refused({ product: { title } }, 'product.yaml', /^title:/, /title: it has control characters/);
      const why = `the chart${letter}`;
      const requirements = {
        ...tinyProduct.requirements,
        install: { cpus: 1, memoryBytes: 1, room: [{ path: '/opt/tiny', freeBytes: 1, why }] },
      };
      await refused(
        { product: { requirements } },
        'product.yaml',
        /why:/,
        /requirements\.install\.room\.0\.why: it has/,
      );
      const entitlements = { [`A${letter}`]: { connector: 'alpha' } };
      await refused(
        { product: { entitlements } },
        'product.yaml',
        /^ {2}"?A.*:/,
        /it has control characters/,
      );
      const patch = { id: 'x', why, when: [{ path: ['a'], absent: true }], set: [] };
      await refused(
        edited(({ release }) => (release!['valuesPatches'] = [patch])),
        'release.yaml',
        /why:/,
        /valuesPatches\.0\.why: it has/,
      );
    });

  it('a text that is too long, a title of lines, a tool whose name no reader takes', async () => {
    await refused(
      { product: { title: 'T'.repeat(513) } },
      'product.yaml',
      /^title:/,
      /title: a line of text/,
    );
    await refused(
      { product: { title: 'Tiny\nproduct' } },
      'product.yaml',
      /^title:/,
      /title: a line of text/,
    );
    const tool = (name: string, version: string) =>
      edited(({ tools }) => (tools![name] = { path: 'helm', version }));
    await refused(tool('Kube', 'v1'), 'release.yaml', /^ {2}Kube:/, /tools\.Kube: .*/);
    await refused(
      tool('kube', 'v'.repeat(600)),
      'release.yaml',
      /^ {2}kube:/,
      /tools\.kube\.version: a line of text/,
    );
    const database = { ...tinyProduct.database, schemaVersionQuery: 's'.repeat(5_000_000) };
    const spec = writeTinySpec(folder, { product: { database } });
    await assert.rejects(pack(spec), {
      name: 'SpecError',
      message: /product\.json has \d+ bytes; at most 4194304 are allowed/,
    });
  });

  it('is found when the file is written at the latest, and nothing gets its name then', async () => {
    const spec = writeTinySpec(
      folder,
      edited(({ files }) => (files!['padding'] = 'template.yaml')),
    );
    await pack(spec);
    assert.deepEqual(made(), ['out']);
    rmSync(join(folder, 'out'));
    await assert.rejects(pack(spec, { padToBytes: 10_000_000 }), {
      name: 'SpecError',
      message: /out: was not made, for its own reader refuses it: .*duplicate name .*padding/,
    });
    assert.deepEqual(made(), []);
  });

  const chartYaml = (text: string): TinyOptions => ({
    editFiles: (own) => writeFileSync(join(own, 'chart/Chart.yaml'), `apiVersion: v2\n${text}`),
  });

  it("a chart that is another release's or product's, with its line", async () => {
    const named = 'name: tiny-chart\nversion: 1.0.0\n';
    for (const [text, line, message] of [
      [
        `${named}appVersion: "2026.2"\n`,
        /^appVersion/,
        /appVersion is "2026\.2", and the release is 2026\.1/,
      ],
      [`${named}appVersion: "v2026.1"\n`, /^appVersion/, /appVersion is "v2026\.1"/],
      [`${named}appVersion: "2026.1-rc.1"\n`, /^appVersion/, /appVersion is/],
      [`${named}appVersion: ""\n`, /^appVersion/, /appVersion is ""/],
      [`${named}appVersion: 2026.1\n`, /^appVersion/, /write it in quotes/],
      [named, /^version/, /version is "1\.0\.0", .* \(write appVersion\)/],
      [
        'name: other\nversion: 1.0.0\nappVersion: "2026.1"\n',
        /^name/,
        /the chart is other, and the product's is tiny-chart/,
      ],
    ] as const)
      await refused(chartYaml(text), 'chart/Chart.yaml', line, message);
    const spec = writeTinySpec(
      folder,
      chartYaml('name: tiny-chart\nversion: 1.0.0\nappVersion: "2026.1.0"\n'),
    );
    await checkedPlan(spec, { folder });
    await checkedPlan(writeTinySpec(folder, chartYaml('name: tiny-chart\nversion: 2026.1.0\n')), { folder });
  });

  it('versions and ids of the product that no host could use', async () => {
    const versions = { ...tinyProduct.versions, minimumSource: 'old' };
    await refused({ product: { versions } }, 'product.yaml', /minimumSource/, /"old" is no version/);
    const k3s = { ...tinyProduct.k3s, versionRange: 'new' };
    await refused({ product: { k3s } }, 'product.yaml', /versionRange/, /"new" is no range of versions/);
    const health = [...tinyProduct.health, { ...tinyProduct.health[0], path: '/other' }];
    const spec = writeTinySpec(folder, { product: { health } });
    await assert.rejects(checkedPlan(spec, { folder }), /product\.yaml:\d+: the id server comes twice/);
  });

  it('a version is written in its shortest form', async () => {
    const { index } = await pack(writeTinySpec(folder, { version: '2026.2.0' }));
    assert.equal(index.version, '2026.2');
    const payload = await openPayload(join(folder, 'out'));
    assert.equal((await payload.release()).version, '2026.2');
    await payload.close();
  });

  it('a spec with a bomb of aliases, and a dependency that is no archive', async () => {
    const spec = writeTinySpec(folder);
    const text = readFileSync(spec, 'utf8');
    const rows = 'abcdefgh'.split('').map((letter, at) =>
      at === 0
        ? 'a: &a [x, x, x, x, x, x, x, x, x, x]'
        : `${letter}: &${letter} [${Array(10)
            .fill(`*${'abcdefgh'[at - 1]}`)
            .join(', ')}]`,
    );
    writeFileSync(spec, `${text}bomb:\n${rows.map((row) => `  ${row}`).join('\n')}\n`);
    await assert.rejects(checkedPlan(spec, { folder }), {
      name: 'SpecError',
      message: /release\.yaml: cannot be read: .*alias/,
    });
    writeFileSync(spec, text);
    mkdirSync(join(folder, 'chart/charts'));
    writeFileSync(join(folder, 'chart/charts/sub.tgz'), 'no archive');
    await assert.rejects(checkedPlan(spec, { folder }), {
      name: 'SpecError',
      message: /sub\.tgz: it is neither gzip nor tar/,
    });
  });
});
