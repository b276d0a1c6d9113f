import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { checkContents, checkedPlan } from '../../../build/pack-check.ts';
import { scanForeignArchive } from '../../../src/images/foreign-import.ts';
import { docker24Archive } from '../../fixtures/image-archives.ts';
import { type TestImage, writeOciLayout } from '../../fixtures/oci-layout.ts';
import { noise, writeTinySpec } from '../../fixtures/tiny-payload.ts';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: object;
  annotations?: Record<string, string>;
}

/** One image more in the spec, whose source a test makes; named by what the spec says of it. */
describe('an image in a source of another tool', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'image-sources-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const layout = () => join(folder, 'more');
  const readIndex = () =>
    JSON.parse(readFileSync(join(layout(), 'index.json'), 'utf8')) as { manifests: Descriptor[] };
  function writeBlob(value: string | Buffer, mediaType: string): Descriptor {
    const bytes = Buffer.from(value);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    writeFileSync(join(layout(), 'blobs', digest.replace(':', '/')), bytes);
    return { mediaType, digest, size: bytes.length };
  }
  /** A layout whose images carry these annotations instead of their references; each is another image. */
  function annotated(...annotations: Record<string, string>[]): Descriptor[] {
    const images = annotations.map((_, position) => ({
      reference: `r.example/x:${position}`,
      layers: [{ files: { name: `image ${position}` } }],
    }));
    writeOciLayout(layout(), images);
    const { manifests } = readIndex();
    const named = manifests.map((one, position) => ({ ...one, annotations: annotations[position]! }));
    writeFileSync(join(layout(), 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: named }));
    return named;
  }
  const ref = (name: string) => ({ 'org.opencontainers.image.ref.name': name });
  const full = (name: string) => ({ 'io.containerd.image.name': name });

  /** The manifest's digest of what is packed for a reference. */
  async function packed(
    reference: string,
    source: Record<string, string> = { ociLayout: 'more' },
  ): Promise<string> {
    const spec = writeTinySpec(folder, {
      editSpec: (text) => {
        (text['images'] as object[]).push({ reference, ...source });
        (text['archives'] as Record<string, string[]>)['docker-images.tar.gz']!.push(reference);
      },
    });
    const plan = await checkedPlan(spec, { folder });
    await checkContents(plan, undefined);
    return plan.images.at(-1)!.manifest.digest;
  }
  const refused = (packing: Promise<string>, message: RegExp) =>
    assert.rejects(packing, (error: Error) => {
      assert.equal(error.name, 'SpecError', error.stack);
      assert.match(error.message, /release\.yaml:\d+: /);
      assert.match(error.message, message);
      return true;
    });

  it('is never taken from another registry with the same path', async () => {
    const [ghcr, hub] = annotated(
      { ...ref('acme/api:1'), ...full('ghcr.io/acme/api:1') },
      { ...ref('acme/api:1'), ...full('index.docker.io/acme/api:1') },
    );
    assert.equal(await packed('docker.io/acme/api:1'), hub!.digest);
    assert.equal(await packed('acme/api:1'), hub!.digest);
    assert.equal(await packed('ghcr.io/acme/api:1'), ghcr!.digest);
    await refused(
      packed('quay.io/acme/api:1'),
      /which holds ghcr\.io\/acme\/api:1 \(sha256:.*index\.docker\.io/,
    );
    annotated({ ...ref('acme/api:1'), ...full('ghcr.io/acme/api:1') });
    await refused(
      packed('acme/api:1'),
      /docker\.io\/acme\/api:1: not in .*, which holds ghcr\.io\/acme\/api:1/,
    );
  });

  it('is refused when two have its name, until the spec says which by digest', async () => {
    const [, second] = annotated(ref('acme/api:1'), ref('acme/api:1'));
    await refused(packed('acme/api:1'), /more than once .*sha256:.*sha256:.*sourceName/);
    const source = { ociLayout: 'more', sourceName: second!.digest };
    assert.equal(await packed('acme/api:1', source), second!.digest);
  });

  it('may be called by a tag alone, or nothing, when the spec says which', async () => {
    const [tagged, nameless] = annotated(ref('1.0'), {});
    const reference = 'registry.example/team/server:1.0';
    await refused(
      packed(reference),
      /which holds 1\.0 \(sha256:\w+\), \(no name\) \(sha256:\w+\); .*, such as sourceName: "1\.0"$/m,
    );
    assert.equal(await packed(reference, { ociLayout: 'more', sourceName: '1.0' }), tagged!.digest);
    const byDigest = { ociLayout: 'more', sourceName: nameless!.digest };
    assert.equal(await packed(reference, byDigest), nameless!.digest);
    await refused(
      packed(reference, { ociLayout: 'more', sourceName: '2.0' }),
      /not in .* as "2\.0", which holds 1\.0/,
    );
  });

  it('keeps apart the signatures that are next to it under its name', async () => {
    const [image] = annotated(
      { ...full('r.example/a:1'), kind: 'dev.cosignproject.cosign/image' },
      { ...full('r.example/a:1'), kind: 'dev.cosignproject.cosign/sigs' },
    );
    assert.equal(await packed('r.example/a:1'), image!.digest);
  });

  function withPlatforms(...platforms: object[]): Descriptor[] {
    const manifests = annotated(...platforms.map(() => ({})));
    const nested = manifests.map(({ mediaType, digest, size }, position) => ({
      mediaType,
      digest,
      size,
      platform: { os: 'linux', ...platforms[position] },
    }));
    const type = 'application/vnd.oci.image.index.v1+json';
    const index = writeBlob(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: nested }), type);
    const top = [{ ...index, annotations: full('r.example/a:1') }];
    writeFileSync(join(layout(), 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: top }));
    return [...nested, index];
  }

  it('is the plain one where an index has it for newer processors as well', async () => {
    const [v3, , plain] = withPlatforms(
      { architecture: 'amd64', variant: 'v3' },
      { architecture: 'arm64', variant: 'v8' },
      { architecture: 'amd64' },
    );
    assert.equal(await packed('r.example/a:1'), plain!.digest);
    assert.notEqual(v3!.digest, plain!.digest);
    withPlatforms({ architecture: 'amd64', variant: 'v3' }, { architecture: 'arm64' });
    await refused(
      packed('r.example/a:1'),
      /no manifest for linux\/amd64 \(it has linux\/amd64\/v3, linux\/arm64\)/,
    );
  });

  it('by digest is the one with that digest, or the one in an index with it', async () => {
    const [, plain, index] = withPlatforms({ architecture: 'arm64' }, { architecture: 'amd64' });
    for (const digest of [plain!.digest, index!.digest])
      assert.equal(await packed(`r.example/a:7@${digest}`), plain!.digest);
    const other = `sha256:${'0'.repeat(64)}`;
    await refused(
      packed(`r.example/a@${other}`),
      new RegExp(
        `asks for ${other}, and .* holds r\\.example/a:1 \\(${index!.digest}\\), for linux/amd64 ` +
          `${plain!.digest}: write .*\\(crane pull --format oci`,
      ),
    );
    writeFileSync(
      join(folder, 'a.tar'),
      await docker24Archive([{ reference: 'r.example/a:1', layers: [{ files: { a: 'b' } }] }]),
    );
    const byTag = await packed('r.example/a:1', { archive: 'a.tar' });
    await refused(
      packed(`r.example/a@${other}`, { archive: 'a.tar' }),
      new RegExp(`asks for ${other}, and .* keeps no manifest: .* made for it has ${byTag}\\. Name it by`),
    );
    assert.equal(await packed(`r.example/a@${byTag}`, { archive: 'a.tar' }), byTag);
  });

  it('by digest is found by that alone, whatever its source calls it', async () => {
    const [tagged, nameless] = annotated(ref('1.0'), {});
    for (const { digest } of [tagged!, nameless!])
      assert.equal(await packed(`registry.example/team/server:1.0@${digest}`), digest);
    const [, plain, index] = withPlatforms({ architecture: 'arm64' }, { architecture: 'amd64' });
    for (const { digest } of [plain!, index!])
      assert.equal(await packed(`another.example/path@${digest}`), plain!.digest);
    await refused(
      packed(`another.example/path@sha256:${'0'.repeat(64)}`),
      /not in .*, which holds r\.example\/a:1 \(sha256:\w+\); if that is the image, say so by sourceName/,
    );
    await refused(
      packed(`another.example/path@sha256:${'0'.repeat(64)}`, {
        ociLayout: 'more',
        sourceName: 'r.example/a:1',
      }),
      /asks for sha256:0+, and .* holds r\.example\/a:1/,
    );
  });

  it('without layers is refused', async () => {
    writeOciLayout(layout(), [{ reference: 'r.example/none:1', layers: [] }]);
    await refused(packed('r.example/none:1'), /it has no layers/);
  });

  it('under a name that no runtime takes is refused, and so is the same name in two spellings', async () => {
    writeOciLayout(layout(), [{ reference: 'r.example/a:1', layers: [{ files: { a: 'b' } }] }]);
    await refused(
      packed('r.example/A:1'),
      /no runtime takes the name r\.example\/A:1: a repository is in lower case/,
    );
    await refused(packed('[::1]:5000/a:1'), /no runtime takes .*no room/);
    const spec = writeTinySpec(folder, {
      editSpec: (text) =>
        (text['images'] as object[]).push(
          { reference: 'nginx:3', ociLayout: 'more' },
          { reference: 'docker.io/library/nginx:3', ociLayout: 'more' },
        ),
    });
    await assert.rejects(
      checkedPlan(spec, { folder }),
      /docker\.io\/library\/nginx:3 comes twice, once as nginx:3/,
    );
  });

  it("in skopeo's dir: or a compression that is not read is refused with a helpful message", async () => {
    mkdirSync(layout());
    writeFileSync(join(layout(), 'version'), 'Directory Transport Version: 1.1\n');
    writeFileSync(join(layout(), 'manifest.json'), '{"schemaVersion":2}');
    await refused(packed('r.example/a:1'), /is skopeo's dir:.*skopeo copy dir:/);
    for (const [magic, name, program] of [
      ['fd377a585a00', 'xz', 'xz'],
      ['425a6839314159265359', 'bzip2', 'bzip2'],
      ['04224d18', 'lz4', 'lz4'],
    ] as const) {
      writeFileSync(join(folder, 'packed'), Buffer.concat([Buffer.from(magic, 'hex'), noise(1000)]));
      await refused(
        packed('r.example/a:1', { archive: 'packed' }),
        new RegExp(`compressed with ${name}, which is not supported: ${program} -d .*packed`),
      );
    }
    await refused(packed('r.example/a:1', { archive: 'more' }), /it is a folder: give it as ociLayout/);
  });

  const images: TestImage[] = [
    { reference: 'r.example/a:1', layers: [{ files: { a: noise(300_000) } }, { files: { b: 'b' } }] },
    { reference: 'r.example/b:1', layers: [{ files: { a: noise(300_000) } }, { files: { c: 'c' } }] },
  ];

  it('in an archive of pzstd, or with layers in many frames, is packed', async () => {
    const tar = await docker24Archive(images);
    writeFileSync(join(folder, 'a.tar'), tar);
    const plain = await packed('r.example/a:1', { archive: 'a.tar' });
    const skipped = Buffer.from('5e2a4d180400000001020304', 'hex');
    const framed = (bytes: Buffer) =>
      [bytes.subarray(0, 1000), bytes.subarray(1000)].flatMap((half) => [skipped, zstdCompressSync(half)]);
    writeFileSync(join(folder, 'a.tar.zst'), Buffer.concat(framed(tar)));
    assert.equal(await packed('r.example/a:1', { archive: 'a.tar.zst' }), plain);
    const chunked = (bytes: Buffer) => Buffer.concat([...framed(bytes).slice(1), skipped]);
    writeFileSync(join(folder, 'chunked.tar'), await docker24Archive(images, chunked));
    await packed('r.example/a:1', { archive: 'chunked.tar' });
  });

  it('that `docker save` wrote by its ID has no name there, and is found by that ID', async () => {
    mkdirSync(layout());
    execFileSync('tar', ['-x', '-C', layout()], { input: await docker24Archive(images.slice(0, 1)) });
    const path = join(layout(), 'manifest.json');
    const list = JSON.parse(readFileSync(path, 'utf8')) as { Config: string; RepoTags: string[] | null }[];
    list[0]!.RepoTags = null;
    writeFileSync(path, JSON.stringify(list));
    const id = `sha256:${list[0]!.Config.slice(0, 64)}`;
    await refused(packed('r.example/a:1'), new RegExp(`which holds \\(no name\\) \\(${id}\\)`));
    assert.match(await packed('r.example/a:1', { ociLayout: 'more', sourceName: id }), /^sha256:/);
  });

  it('in a docker archive whose layers are hard links is the same here and on the host', async () => {
    const tar = await docker24Archive(images);
    const unpackedTo = join(folder, 'unpacked');
    mkdirSync(unpackedTo);
    execFileSync('tar', ['-x', '-C', unpackedTo], { input: tar });
    // `tar` writes the second name of a file as a hard link; docker's own links become such files.
    execFileSync('sh', ['-c', 'for l in $(find . -type l); do ln -f "$(readlink -f $l)" $l; done'], {
      cwd: unpackedTo,
    });
    const path = join(folder, 'hard.tar');
    execFileSync('tar', ['--sort=name', '-C', unpackedTo, '-cf', path, '.']);
    assert.match(execFileSync('tar', ['-tvf', path], { encoding: 'utf8' }), /link to/);
    const ids = [];
    for (const { reference } of images) {
      const spec = { archive: 'hard.tar' };
      const digest = await packed(reference, spec);
      assert.match(digest, /^sha256:/);
      const list = JSON.parse(readFileSync(join(unpackedTo, 'manifest.json'), 'utf8')) as {
        Config: string;
        RepoTags: string[];
      }[];
      ids.push(`sha256:${list.find(({ RepoTags }) => RepoTags.includes(reference))!.Config.slice(0, 64)}`);
      const foreign = await scanForeignArchive(path, new Set(ids));
      assert.equal(foreign.images.get(ids.at(-1)!)?.image.manifest.digest, digest);
    }
  });
});
