import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { checkContents, checkedPlan } from '../../../build/pack-check.ts';
import { packPayload } from '../../../build/pack-payload.ts';
import { readSigningKeys } from '../../../build/signing.ts';
import { tarOf, writeOciLayout } from '../../fixtures/oci-layout.ts';
import { makeKeys } from '../../fixtures/signing-keys.ts';
import { noise, tinyHead, writeTinySpec } from '../../fixtures/tiny-payload.ts';

const keys = makeKeys([makeKeys()]);
const pemOf = (key = keys.key) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const derOf = (key = keys.key) => key.export({ format: 'der', type: 'pkcs8' });
const reference = 'registry.example/tiny/more:1';

describe('what is packed', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'shipped-keys-'));
    writeFileSync(join(folder, 'head'), tinyHead());
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const output = () => join(folder, 'out');
  const pack = (spec: string, of = keys) =>
    packPayload({ spec, executable: join(folder, 'head'), output: output(), keys: of });
  const write = (name: string, content: string | Buffer) => writeFileSync(join(folder, name), content);
  const leftBehind = () => readdirSync(folder).filter((name) => /out|partial|unpacked/.test(name));

  async function refused(spec: string, message: RegExp, of = keys): Promise<void> {
    const expected = { name: 'SpecError', message };
    await assert.rejects(pack(spec, of), expected);
    assert.deepEqual(leftBehind(), []);
    const check = async () => checkContents(await checkedPlan(spec, { folder }, of), of);
    await assert.rejects(check(), expected);
  }

  const forms: Record<string, string | Buffer> = {
    PEM: `notes\n${pemOf()}`,
    'DER inside of something': Buffer.concat([noise(1000), derOf(), noise(1000)]),
    hex: derOf().subarray(-32).toString('hex'),
    'the older key': pemOf(keys.older[0]),
  };
  for (const [form, content] of Object.entries(forms)) {
    it(`is never the key that signs, in the chart: ${form}`, async () => {
      const spec = writeTinySpec(folder, {
        editSpec: (text) => Object.assign(text, { privateKeys: ['TinyChart/notes.txt'] }),
        editFiles: () => write('chart/notes.txt', content),
      });
      await refused(
        spec,
        /release\.yaml:\d+: .*chart\/notes\.txt holds the private key that signs this file/,
      );
    });
  }

  it('is no file of the key under another name, nor one of the tools', async () => {
    const vendor = mkdtempSync(join(tmpdir(), 'vendor-'));
    const path = join(vendor, 'vendor.pem');
    // Lines of another length than openssl's.
    writeFileSync(path, pemOf().replace(/^(.{20})(.{20})/m, '$1\n$2\n'));
    chmodSync(path, 0o600);
    try {
      const of = readSigningKeys({ key: path }, { environment: {}, specFolder: folder })!;
      const spec = writeTinySpec(folder, {
        editFiles: () => symlinkSync(path, join(folder, 'chart/linked.txt')),
      });
      await refused(spec, /linked\.txt is the private key that signs/, of);
      rmSync(join(folder, 'chart/linked.txt'));
      linkSync(path, join(folder, 'chart/hard.txt'));
      await refused(spec, /hard\.txt is the private key that signs/, of);
      rmSync(join(folder, 'chart/hard.txt'));
      write('helm', Buffer.concat([noise(300_000), Buffer.from(pemOf()), noise(300_000)]));
      await refused(spec, /helm holds the private key that signs/, of);
    } finally {
      rmSync(vendor, { recursive: true });
    }
  });

  for (const compression of ['none', 'gzip', 'zstd'] as const)
    it(`is no layer with the key that signs in it: ${compression}`, async () => {
      const files = { 'a/large': noise(400_000), 'root/vendor.pem': pemOf(), 'z/large': noise(300_000, 5) };
      const layer = compression === 'none' ? { files } : { files, compression };
      writeOciLayout(join(folder, 'more'), [{ reference, layers: [layer] }]);
      const spec = writeTinySpec(folder, {
        editSpec: (text) => (text['images'] as object[]).push({ reference, ociLayout: 'more' }),
      });
      await refused(spec, /release\.yaml:\d+: .* holds the private key that signs this file/);
    });

  it('is no other private key either, unless the spec lists its file', async () => {
    const other = pemOf(generateKeyPairSync('ed25519').privateKey);
    mkdirSync(join(folder, 'chart/charts'), { recursive: true });
    const spec = writeTinySpec(folder, {
      editFiles: () => {
        write('template.yaml', `tls: ${JSON.stringify(other)}\nhost: "{{fqdn}}"\n`);
        write('chart/tls.yaml', `data: { tls.key: ${Buffer.from(other.repeat(2)).toString('base64')} }\n`);
        write(
          'chart/charts/sub.tgz',
          gzipSync(tarOf({ 'sub/Chart.yaml': 'name: sub\n', 'sub/key.pem': other })),
        );
      },
    });
    for (const name of [
      /template\.yaml holds a PRIVATE KEY block/,
      /tls\.yaml holds .* base64/,
      /sub\.tgz: sub\/key\.pem holds/,
    ])
      await refused(spec, name);
    const listed = ['tiny.values.template.yaml', 'TinyChart/tls.yaml', 'TinyChart/charts/sub.tgz'];
    const text = readFileSync(spec, 'utf8');
    writeFileSync(spec, `${text}privateKeys: ${JSON.stringify(listed)}\n`);
    await pack(spec);
    rmSync(output());
    rmSync(`${output()}.minisig`);
    writeFileSync(spec, `${text}privateKeys: ${JSON.stringify([...listed, 'TinyChart/gone.pem'])}\n`);
    await refused(spec, /release\.yaml:\d+: there is no file TinyChart\/gone\.pem/);
  });

  it('is without what .helmignore leaves out, keys and odd names too', async () => {
    const spec = writeTinySpec(folder, {
      editFiles: () => {
        write('chart/.helmignore', '*.pem\n*.md\n.git/\n');
        write('chart/vendor.pem', pemOf());
        write('chart/High Availability.md', 'odd\n');
        mkdirSync(join(folder, 'chart/.git'));
        write('chart/.git/config', 'https://user:password@git.example\n');
      },
    });
    const { index } = await pack(spec);
    const names = index.entries.map(({ name }) => name).filter((name) => name.startsWith('TinyChart/'));
    assert.deepEqual(
      names,
      ['.helmignore', 'Chart.yaml', 'templates/config.yaml', 'values.yaml'].map(
        (name) => `TinyChart/${name}`,
      ),
    );
  });

  it('touches nothing but its output', async () => {
    const spec = writeTinySpec(folder);
    mkdirSync(`${output()}.unpacked`);
    writeFileSync(`${output()}.unpacked/precious`, 'precious\n');
    write('precious', 'precious\n');
    for (const suffix of ['.partial', '.minisig']) symlinkSync('precious', `${output()}${suffix}`);
    await pack(spec);
    assert.equal(readFileSync(`${output()}.unpacked/precious`, 'utf8'), 'precious\n');
    assert.equal(readFileSync(join(folder, 'precious'), 'utf8'), 'precious\n');
    assert.match(readFileSync(`${output()}.minisig`, 'utf8'), /^untrusted comment/);
    assert.deepEqual(leftBehind().sort(), ['out', 'out.minisig', 'out.partial', 'out.unpacked']);
  });

  it('never takes the place of what it is made from, or of a folder', async () => {
    const spec = writeTinySpec(folder);
    const sources = ['release.yaml', 'product.yaml', 'chart/Chart.yaml', 'template.yaml', 'head'];
    for (const name of sources) {
      const path = join(folder, name);
      const before = readFileSync(path);
      const packing = packPayload({ spec, executable: join(folder, 'head'), output: path, keys });
      await assert.rejects(packing, { name: 'SpecError', message: /the output would replace / }, name);
      assert.deepEqual(readFileSync(path), before);
    }
    mkdirSync(output());
    await assert.rejects(pack(spec), /out: a folder/);
    const nowhere = packPayload({
      spec,
      executable: join(folder, 'head'),
      output: join(folder, 'no/out'),
      keys,
    });
    await assert.rejects(nowhere, /there is no folder .*no$/);
    assert.ok(!existsSync(join(folder, 'no')));
    rmSync(output(), { recursive: true });
    const inChart = packPayload({
      spec,
      executable: join(folder, 'head'),
      output: join(folder, 'chart/out'),
      keys,
    });
    await assert.rejects(inChart, /chart\/out: in the chart's folder/);
    execFileSync('mkfifo', [output()]);
    await assert.rejects(pack(spec), /out: no regular file/);
  });
});
