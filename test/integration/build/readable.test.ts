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
    const database = { ...tinyProduct.database, schemaVersionQuery: `select '${'s'.repeat(5_000_000)}'` };
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

  it("a chart that is another release's or product's: its line, what stands there and what must", async () => {
    const named = 'name: tiny-chart\nversion: 1.0.0\n';
    const write = ': write appVersion: "2026\\.1"$';
    for (const [text, line, message] of [
      [
        `${named}appVersion: "2026.2"\n`,
        /^appVersion/,
        `appVersion is "2026\\.2", and the release is 2026\\.1.*${write}`,
      ],
      [`${named}appVersion: "v2026.1"\n`, /^appVersion/, `appVersion is "v2026\\.1".*${write}`],
      [`${named}appVersion: " 2026.1"\n`, /^appVersion/, `appVersion is " 2026\\.1".*${write}`],
      [`${named}appVersion: "2026.1-rc.1"\n`, /^appVersion/, `appVersion is "2026\\.1-rc\\.1".*${write}`],
      [`${named}appVersion: ""\n`, /^appVersion/, `appVersion is empty.*${write}`],
      [`${named}appVersion:\n`, /^appVersion/, `appVersion is empty.*${write}`],
      [
        `${named}appVersion: 2026.10\n`,
        /^appVersion/,
        `appVersion is 2026\\.10 without quotes, which YAML reads as the number 2026\\.1, .*${write}`,
      ],
      [
        `${named}appVersion: 2026.1\n`,
        /^appVersion/,
        `appVersion is 2026\\.1 without quotes, which YAML reads as the number 2026\\.1, .*${write}`,
      ],
      [`${named}appVersion: [2026.1]\n`, /^appVersion/, `appVersion is no text.*${write}`],
      [named, /^version/, `appVersion is missing, and version is "1\\.0\\.0".*${write}`],
      [
        'name: other\nversion: 1.0.0\nappVersion: "2026.1"\n',
        /^name/,
        `name is "other", and the product's chart is tiny-chart: write name: tiny-chart$`,
      ],
      [
        'version: 1.0.0\nappVersion: "2026.1"\n',
        /^apiVersion/,
        'name is missing, .*: write name: tiny-chart$',
      ],
    ] as const)
      await refused(chartYaml(text), 'chart/Chart.yaml', line, new RegExp(message));
    const spec = writeTinySpec(
      folder,
      chartYaml('name: tiny-chart\nversion: 1.0.0\nappVersion: "2026.1.0"\n'),
    );
    await checkedPlan(spec, { folder });
    await checkedPlan(writeTinySpec(folder, chartYaml('name: tiny-chart\nversion: 2026.1.0\n')), { folder });
  });

  it('a version of the chart that is none by SemVer 2, with its line', async () => {
    for (const [version, line, found] of [
      ['version: "2026.1"\n', /^version/, `version is "2026\\.1", .*: write 2026\\.1\\.0: `],
      ['version: v1.0.0\n', /^version/, `version is "v1\\.0\\.0", .*: write 1\\.0\\.0: `],
      ['version: "1.0.0 "\n', /^version/, `version is "1\\.0\\.0 ", .*: write 1\\.0\\.0: `],
      ['version: 01.0.0\n', /^version/, 'version is "01\\.0\\.0", which is not a version of the form '],
      ['version: 1.0.0-01\n', /^version/, 'version is "1\\.0\\.0-01", which is not a version of the form '],
      [
        'version: 1.10\n',
        /^version/,
        'version is 1\\.10 without quotes, which YAML reads as the number 1\\.1: ',
      ],
      ['version: 1\n', /^version/, 'version is 1 without quotes, which YAML reads as the number 1: '],
      ['version: ""\n', /^version/, 'version is empty: '],
      ['', /^apiVersion/, 'version is missing: '],
    ] as const)
      await refused(
        chartYaml(`name: tiny-chart\n${version}appVersion: "2026.1"\n`),
        'chart/Chart.yaml',
        line,
        new RegExp(`${found}.*a chart's version is one by SemVer 2, as "1\\.0\\.0"$`),
      );
    const built = chartYaml('name: tiny-chart\nversion: 1.0.0-rc.1+5\nappVersion: "2026.1"\n');
    await checkedPlan(writeTinySpec(folder, built), { folder });
  });

  /** A release of a product that counts by semver; `versions` is added to its data. */
  const bySemver = (version: string, versions: object = {}, appVersion = '2.2.0'): TinyOptions => ({
    version: '2.2.0',
    product: { versions: { ...tinyProduct.versions, scheme: 'semver', minimumSource: '1.8.0', ...versions } },
    editSpec: ({ release }) => ((release as { version: string }).version = version),
    editFiles: (own) =>
      writeFileSync(
        join(own, 'chart/Chart.yaml'),
        `apiVersion: v2\nname: tiny-chart\nversion: 1.0.0\nappVersion: ${appVersion}\n`,
      ),
  });

  it('a version that is none of the scheme, with its line and what was meant', async () => {
    const form = 'which is not a version of the form MAJOR\\.MINOR\\.PATCH\\[-pre\\]\\[\\+build\\]';
    for (const [version, meant] of [
      ['v2.2.0', ': write 2\\.2\\.0$'],
      ['2.2', ': write 2\\.2\\.0$'],
      [' 2.2.0', ': write 2\\.2\\.0$'],
      ['2.2.0-01', '$'],
      ['2026.1', ': write 2026\\.1\\.0, or versions\\.scheme: calver at \\S+product\\.yaml:\\d+$'],
    ] as const)
      await refused(
        bySemver(version),
        'release.yaml',
        /^ {2}version:/,
        new RegExp(`release\\.version is .*, ${form}${meant}`),
      );
    const calver = { version: '2.2.0', editSpec: undefined };
    await refused(
      calver,
      'release.yaml',
      /^ {2}version:/,
      /YYYY\.N.*, or versions\.scheme: semver at \S+product/,
    );
    for (const [versions, line, message] of [
      [
        { minimumSource: 'v1.8.0' },
        /minimumSource/,
        `versions\\.minimumSource is "v1\\.8\\.0", ${form}: write 1`,
      ],
      [
        { requiredReleases: ['2.0.0', '2.1'] },
        /- "?2\.1"?$/,
        `a required release is "2\\.1", ${form}: write 2\\.1\\.0`,
      ],
      [
        { requiredReleases: ['2.0.0', '2.0.0+1'] },
        /2\.0\.0\+1/,
        'the required release 2\\.0\\.0\\+1 comes twice',
      ],
      [{ scheme: 'pep440' }, /scheme/, 'versions\\.scheme: Invalid option'],
    ] as const)
      await refused(bySemver('2.2.0', versions), 'product.yaml', line, new RegExp(message));
    await refused(
      bySemver('2.2.0', {}, 'v2.2.0'),
      'chart/Chart.yaml',
      /^appVersion/,
      /write appVersion: "2\.2\.0"$/,
    );
    await refused(
      bySemver('2.2.0', {}, '2.2.0-rc.1'),
      'chart/Chart.yaml',
      /^appVersion/,
      /the release is 2\.2\.0/,
    );
  });

  it('but not another form of the same version, which has one text in the file', async () => {
    for (const [version, appVersion] of [
      ['2.2.0', '2.2.0'],
      ['2.2.0+5', '2.2.0'],
      ['2.2.0', '2.2.0+5'],
      ['2.2.0+5', '2.2.0+6'],
    ] as const) {
      const options = bySemver(version, { requiredReleases: ['2.0.0'] }, appVersion);
      await pack(writeTinySpec(folder, options));
      const payload = await openPayload(join(folder, 'out'));
      assert.deepEqual([payload.identity.version, (await payload.release()).version], ['2.2.0', '2.2.0']);
      await payload.close();
      rmSync(join(folder, 'out'));
    }
  });

  it('versions and ids of the product that no host could use', async () => {
    const versions = { ...tinyProduct.versions, minimumSource: 'old' };
    await refused(
      { product: { versions } },
      'product.yaml',
      /minimumSource/,
      /versions\.minimumSource is "old", which is not a version of the form YYYY\.N/,
    );
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
