import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { parse, stringify } from 'yaml';
import { checkedPlan } from '../../build/pack-check.ts';
import { docker24Archive } from '../fixtures/image-archives.ts';
import { noise, tinyHead, tinyImages, writeTinySpec } from '../fixtures/tiny-payload.ts';
import { labPrograms } from '../lab/programs.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

const pod = (name: string, image: string) => `
  template:
    metadata: { labels: { app: ${name} } }
    spec: { containers: [{ name: main, image: "${image}" }] }`;
const server = `apiVersion: apps/v1
kind: Deployment
metadata: { name: server }
spec:
  selector: { matchLabels: { app: server } }${pod('server', '{{ .Values.image }}')}
`;
const ingress = `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: tiny }
spec:
  rules:
    - http: { paths: [{ path: /health, pathType: Prefix, backend: { service: { name: server, port: { number: 80 } } } }] }
`;
const database = `apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  template:
    metadata: { labels: { app: db } }
    spec:
      containers: [{ name: db, image: "registry.example/tiny/db:2026.1", args: [tinydb], volumeMounts: [{ name: data, mountPath: /data }] }]
      volumes: [{ name: data, persistentVolumeClaim: { claimName: tiny-db } }]
`;
/** An image that only an upgrade renders, in a hook, when the values switch it on. */
const hook = `{{- if and .Values.hook .Release.IsUpgrade }}
apiVersion: batch/v1
kind: Job
metadata: { name: before, annotations: { helm.sh/hook: pre-upgrade } }
spec:${pod('before', 'registry.example/tiny/hook:1')}
{{- end }}
`;

describe("packing with the payload's Helm", () => {
  let folder: string;
  let helm: string;
  before(async () => {
    helm = (await labPrograms()).helm;
    folder = mkdtempSync(join(tmpdir(), 'pack-chart-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  type Matrix = Record<string, Record<string, string[]>>;
  const image = 'registry.example/tiny/server:2026.1';

  /** A spec whose chart and values are these; every one in a folder of its own. */
  let count = 0;
  function specOf(
    matrix: Matrix,
    more: {
      templates?: Record<string, string>;
      values?: Record<string, string>;
      chart?: Record<string, string | Buffer>;
    } = {},
  ): string {
    const own = join(folder, String((count += 1)));
    mkdirSync(own);
    return writeTinySpec(own, {
      editSpec: (spec) =>
        Object.assign(spec, { valuesMatrix: matrix, tools: { helm: { path: helm, version: 'v4.3.1' } } }),
      editFiles: () => {
        const values = {
          'plain.yaml': `image: ${image}\nhook: false\n`,
          'hook.yaml': 'hook: true\n',
          ...more.values,
        };
        for (const [name, text] of Object.entries(values)) writeFileSync(join(own, name), text);
        const templates = {
          'config.yaml': '',
          'database.yaml': database,
          'server.yaml': server,
          'ingress.yaml': ingress,
          'hook.yaml': hook,
          ...more.templates,
        };
        for (const [name, text] of Object.entries(templates))
          writeFileSync(join(own, 'chart/templates', name), text);
        for (const [name, content] of Object.entries(more.chart ?? {})) {
          mkdirSync(join(own, 'chart', name, '..'), { recursive: true });
          writeFileSync(join(own, 'chart', name), content);
        }
      },
    });
  }
  const check = (spec: string) => checkedPlan(spec, { folder: `${spec}.scratch` });
  const plain: Matrix = { base: { plain: ['plain.yaml'] } };

  /** The refusal names the line of `key` in `file`. */
  async function refused(spec: string, [file, key]: [string, string], message: RegExp): Promise<void> {
    const path = join(spec, '..', file);
    const line =
      readFileSync(path, 'utf8')
        .split('\n')
        .findIndex((text) => text.startsWith(key)) + 1;
    assert.ok(line > 0, key);
    await assert.rejects(check(spec), (error: Error) => {
      assert.equal(error.name, 'SpecError', error.stack);
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(`${path}:${line}: `), `${error.message} does not name ${key}`);
      return true;
    });
  }

  it('renders every combination, as an install and as an upgrade', async () => {
    const matrix = { base: { plain: ['plain.yaml'] }, a: { x: [], y: [] }, b: { x: [], y: [], z: [] } };
    const { chart } = await check(specOf(matrix));
    assert.equal(chart?.combinations.length, 6);
    assert.ok(chart.secretBytes > 1000 && chart.secretBytes < 10_000);
  });

  it('refuses an image that only one combination renders, in a hook of an upgrade', async () => {
    const spec = specOf({ ...plain, hook: { off: [], on: ['hook.yaml'] } });
    await refused(
      spec,
      ['release.yaml', 'images:'],
      /the image registry\.example\/tiny\/hook:1 in Job\/before, which is not in the payload \(with base=plain hook=on\)$/,
    );
  });

  it('refuses an image that is in no archive, and a name that only looks like a packed one', async () => {
    const other = specOf(plain, { values: { 'plain.yaml': 'image: tiny/server:2026.1\nhook: false\n' } });
    await refused(other, ['release.yaml', 'images:'], /the image tiny\/server:2026\.1 in Deployment\/server/);
    const spec = specOf(plain);
    const text = readFileSync(spec, 'utf8');
    writeFileSync(spec, text.replace(new RegExp(`(docker-images.tar.gz:\n)    - ${image}\n`), '$1'));
    await refused(
      spec,
      ['release.yaml', 'archives:'],
      /server:2026\.1 in Deployment\/server, which is in no archive/,
    );
  });

  it('refuses a workload or health route of the product that the chart does not render', async () => {
    const without = (name: string) => specOf(plain, { templates: { [name]: '' } });
    await refused(
      without('server.yaml'),
      ['product.yaml', '  - id: server'],
      /renders no Deployment\/server/,
    );
    const renamed = specOf(plain, {
      templates: { 'server.yaml': server.replaceAll('app: server', 'app: other') },
    });
    await refused(renamed, ['product.yaml', '  - id: server'], /app=server does not select the pods/);
    await assert.rejects(
      check(without('ingress.yaml')),
      /product\.yaml:\d+: no Ingress of the chart leads to \/health of the health route server/,
    );
    const elsewhere = specOf(plain, { templates: { 'ingress.yaml': ingress.replace('/health', '/heal') } });
    await assert.rejects(check(elsewhere), /no Ingress of the chart leads to \/health/);
  });

  it("refuses a database that keeps its data elsewhere than the product's data says, and a list that the server refuses", async () => {
    const own = database
      .replace('      volumes: [{ name: data, persistentVolumeClaim: { claimName: tiny-db } }]\n', '')
      .replace('spec:\n', 'spec:\n  volumeClaimTemplates: [{ metadata: { name: data } }]\n');
    await refused(
      specOf(plain, { templates: { 'database.yaml': own } }),
      ['product.yaml', '  volume:'],
      /nothing mounts the claim tiny-db: .* on the claim data-db-0 that volumeClaimTemplates makes \(with base=plain\)$/,
    );
    const twice = server.replace(
      'name: main',
      'name: main, env: [{ name: A, value: a }, { name: A, value: b }]',
    );
    await refused(
      specOf(plain, { templates: { 'server.yaml': twice } }),
      ['release.yaml', 'chart:'],
      /Deployment\/server: env of main has A twice/,
    );
  });

  it("refuses a release that Helm's Secret cannot hold, counted as Helm stores it", async () => {
    const chart = { 'notes.bin': noise(700_000).toString('base64') };
    const spec = specOf(plain, { chart });
    await refused(spec, ['release.yaml', 'chart:'], /a Secret of \d+ bytes, and Kubernetes takes 1048576/);
    const { chart: report } = await check(
      specOf(plain, { chart: { 'notes.bin': noise(300_000).toString('base64') } }),
    );
    assert.ok(report!.secretBytes > 400_000 && report!.secretBytes < 1_048_576, String(report!.secretBytes));
  });

  it('says what Helm says when values are wrong, and refuses a matrix that cannot be rendered at all', async () => {
    const broken = specOf(plain, { templates: { 'config.yaml': '{{ fail "no host" }}' } });
    await refused(
      broken,
      ['release.yaml', 'valuesMatrix:'],
      /cannot be rendered with base=plain: [\s\S]*no host/,
    );
    const absent = specOf({ base: { plain: ['absent.yaml'] } });
    await refused(
      absent,
      ['release.yaml', 'valuesMatrix:'],
      /cannot be rendered with base=plain: .*absent\.yaml/,
    );
    const axis = Object.fromEntries(
      Array.from({ length: 9 }, (_, position) => [`a${position}`, { x: [], y: [] }]),
    );
    await refused(specOf(axis), ['release.yaml', 'valuesMatrix:'], /more than 256 combinations/);
    const nameless = specOf(plain, { templates: { 'config.yaml': 'kind: ConfigMap\n' } });
    await refused(nameless, ['release.yaml', 'valuesMatrix:'], /an object without kind or name/);
  });

  describe('by command', () => {
    const command = async (...args: string[]) => {
      try {
        const { stdout, stderr } = await run(process.execPath, [join(root, 'build/pack.ts'), ...args], {
          cwd: folder,
        });
        return { code: 0, stdout, stderr };
      } catch (error) {
        return error as { code: number; stdout: string; stderr: string };
      }
    };
    const listing = (of: string) => readdirSync(of, { recursive: true }).sort();

    it('--check says that nothing is to refuse, or what is, and writes nothing', async () => {
      const spec = specOf(plain);
      const own = join(spec, '..');
      writeFileSync(join(own, 'images.tar.gz'), gzipSync(await docker24Archive(tinyImages('2026.1'))));
      const text = readFileSync(spec, 'utf8').replace(/ociLayout: oci/, 'archive: images.tar.gz');
      writeFileSync(spec, text);
      const before = listing(own);
      const { code, stdout } = await command('--check', spec);
      assert.equal(code, 0);
      assert.match(
        stdout,
        /: \d+ entries, 3 images, nothing to refuse\nlooked at: .*\nchart rendered with 1 combination of values/,
      );
      const other = await docker24Archive(tinyImages('2026.1'), (tar) => gzipSync(tar.subarray(512)));
      writeFileSync(join(own, 'images.tar.gz'), other);
      const unlike = await command('--check', spec);
      assert.equal(unlike.code, 2);
      assert.match(unlike.stderr, /release\.yaml:\d+: the layer .* does not unpack to its diffId/);
      const blobs = join(own, 'oci/blobs/sha256');
      const large = readdirSync(blobs).find((name) => readFileSync(join(blobs, name)).length > 150_000)!;
      const bytes = readFileSync(join(blobs, large));
      bytes[1000]! ^= 1;
      writeFileSync(join(blobs, large), bytes);
      writeFileSync(spec, text.replace('archive: images.tar.gz', 'ociLayout: oci'));
      const refusal = await command('--check', spec);
      assert.equal(refusal.code, 2);
      assert.match(refusal.stderr, /release\.yaml:\d+: blobs\/.* does not have the digest of its name/);
      assert.deepEqual(listing(own), before);
    });

    it('--check says what it looked at, which images it found and where, and what nobody looked at', async () => {
      const { stdout } = await command('--check', specOf({ ...plain, hook: { off: [], on: [] } }));
      const lines = stdout.split('\n').slice(1);
      assert.match(
        lines.shift()!,
        /^looked at: \S+product\.yaml, \S+release\.yaml, 7 files of the chart, \d+ blobs by digest, 1 compressed layer by diffId$/,
      );
      assert.match(
        lines.shift()!,
        /^chart rendered with 2 combinations of values, Helm's record of it at most/,
      );
      assert.deepEqual(lines.slice(0, -2), [
        '  with base=plain hook=off, as an install and as an upgrade',
        '  with base=plain hook=on, as an install and as an upgrade',
        'objects: 1 Deployment, 1 Ingress, 1 StatefulSet',
        'images that the chart names:',
        '  registry.example/tiny/db:2026.1  in StatefulSet/db (db)',
        '  registry.example/tiny/server:2026.1  in Deployment/server (main)',
        'packed, and named by nothing that was rendered:',
        '  registry.example/tiny/alpha:2026.1',
        'not looked at: what the chart asks a cluster (lookup, .Capabilities); what programs in ' +
          'the images do, migrations among it',
      ]);
    });

    /** A spec without a matrix, whose template is this. */
    const fresh = (template: string, matrix?: string) => {
      const spec = specOf(plain);
      const text = parse(readFileSync(spec, 'utf8')) as Record<string, unknown>;
      writeFileSync(spec, stringify({ ...text, valuesMatrix: matrix }));
      writeFileSync(join(spec, '../template.yaml'), template);
      return spec;
    };

    it('without a matrix renders as a fresh install with the template does, and says what was not looked at', async () => {
      const { code, stdout, stderr } = await command('--check', fresh(`host: "{{fqdn}}"\nimage: ${image}\n`));
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^ {2}with the values template, as an install and as an upgrade$/m);
      assert.match(
        stdout,
        /^ {2}registry\.example\/tiny\/server:2026\.1 {2}in Deployment\/server \(main\)$/m,
      );
      assert.match(
        stdout,
        /^not looked at: other values than the template's \(a valuesMatrix names them\);/m,
      );
      const other = await command('--check', fresh('host: a\nimage: registry.example/tiny/other:1\n'));
      assert.equal(other.code, 2);
      assert.match(other.stderr, /tiny\/other:1 in Deployment\/server, .* \(with the values template\)/);
      const broken = await command('--check', fresh('host: a\nimage: {}\n'));
      assert.equal(broken.code, 2);
    });

    it('renders nothing where the spec says so, and says that it has not', async () => {
      const { code, stdout } = await command('--check', fresh('host: a\n', 'none'));
      assert.equal(code, 0);
      assert.match(stdout, /^chart not rendered, as valuesMatrix is none: nothing is known of its images/m);
      assert.match(stdout, /^not looked at: whatever the chart renders;/m);
    });

    it('--check prints what a vendor should know', async () => {
      const claim = 'apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: files }\n';
      const { code, stderr } = await command(
        '--check',
        specOf(plain, { templates: { 'config.yaml': claim } }),
      );
      assert.equal(code, 0);
      assert.match(
        stderr,
        /^warning: \S+product\.yaml:\d+: PersistentVolumeClaim\/files belongs to the release.*\(with base=plain\)\n$/,
      );
    });

    it('removes what it wrote when a signal ends it', async () => {
      const spec = specOf(plain);
      const own = join(spec, '..');
      writeFileSync(join(own, 'images.tar.gz'), gzipSync(await docker24Archive(tinyImages('2026.1'))));
      writeFileSync(join(own, 'helm'), '#!/bin/sh\nexec sleep 5\n');
      chmodSync(join(own, 'helm'), 0o755);
      const text = readFileSync(spec, 'utf8').replace(/ociLayout: oci/, 'archive: images.tar.gz');
      writeFileSync(spec, text.replace(helm, './helm'));
      writeFileSync(join(own, 'head'), tinyHead());
      const before = listing(own);
      const executable = ['--executable', join(own, 'head')];
      const words = [join(root, 'build/pack.ts'), spec, '-o', join(own, 'packed'), ...executable];
      const child = spawn(process.execPath, words);
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      const ended = once(child, 'exit');
      // The archive is unpacked, and Helm has started.
      const unpacked = () =>
        join(own, readdirSync(own).find((name) => name.startsWith('packed.unpacked-')) ?? '-');
      while (!existsSync(join(unpacked(), 'helm'))) {
        assert.equal(child.exitCode, null, said);
        await setTimeout(20);
      }
      assert.ok(existsSync(join(unpacked(), '0.tar')));
      child.kill('SIGINT');
      assert.deepEqual(await ended, [130, null]);
      assert.deepEqual(listing(own), before);
    });

    it('--list shows entries, images, archives and what is shared, and writes nothing', async () => {
      const spec = specOf(plain);
      const before = listing(join(spec, '..'));
      const { code, stdout } = await command('--list', spec);
      assert.equal(code, 0);
      assert.match(stdout, /^Tiny 2026\.1\n/);
      assert.match(stdout, /^ +\d+ {2}TinyChart\/Chart\.yaml$/m);
      assert.match(stdout, /^ +\d{6} {2}blobs\/sha256\/[0-9a-f]{64}$/m);
      assert.match(stdout, /^ +\d{6} {2}registry\.example\/tiny\/server:2026\.1, 2 layers, \d+ of its own$/m);
      assert.match(stdout, /^ +30\d{4} {2}saved by sharing blobs$/m);
      assert.match(stdout, /^ +15\d{4} {2}in uncompressed layers \(archives of docker's form have them/m);
      assert.match(stdout, /^ +\d{6} {2}docker-images\.tar\.gz, 2 images$/m);
      assert.deepEqual(listing(join(spec, '..')), before);
    });

    it('asks for one of --list, --check and --output', async () => {
      for (const args of [[], ['--list'], ['a', '--list', '--check'], ['a', '--check', '-o', 'b'], ['a']]) {
        const { code, stdout } = await command(...args);
        assert.equal(code, 2, args.join(' '));
        assert.match(stdout, /^usage: /);
      }
    });
  });
});
