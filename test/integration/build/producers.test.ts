import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { checkContents, checkedPlan } from '../../../build/pack-check.ts';
import { writeTinySpec } from '../../fixtures/tiny-payload.ts';

/** What a tool wrote of one small image, `registry.example/acme/api:1.0`, in the order of its archive. */
interface Recording {
  tool: string;
  /** As docs/vendors.md has it. */
  command: string;
  form: 'folder' | 'tar';
  members: Record<string, string | { base64: string } | { gzip: string } | { link: string }>;
}

const recordings = join(import.meta.dirname, '../../fixtures/producers');
const recording = (name: string) =>
  JSON.parse(readFileSync(join(recordings, `${name}.json`), 'utf8')) as Recording;
const bytesOf = (content: Exclude<Recording['members'][string], { link: string }>): Buffer => {
  if (typeof content === 'string') return Buffer.from(content);
  return 'base64' in content
    ? Buffer.from(content.base64, 'base64')
    : gunzipSync(Buffer.from(content.gzip, 'base64'));
};

/** Writes what was recorded to a folder, or to a tar. */
async function writeRecording(path: string, { form, members }: Recording): Promise<void> {
  const tar = pack();
  for (const [name, content] of Object.entries(members)) {
    const isLink = typeof content !== 'string' && 'link' in content;
    if (form === 'folder') {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      if (isLink) symlinkSync(content.link, join(path, name));
      else writeFileSync(join(path, name), bytesOf(content));
    } else if (isLink) tar.entry({ name, type: 'symlink', linkname: content.link });
    else tar.entry({ name }, bytesOf(content));
  }
  if (form === 'folder') return;
  tar.finalize();
  writeFileSync(path, await buffer(tar));
}

const reference = 'registry.example/acme/api:1.0';
const id = /sha256:[0-9a-f]{64}/;

/** What the spec has to say beside the reference; null: nothing. A pattern is that of a digest. */
const sourceNames: Record<string, string | RegExp | null> = {
  'skopeo-oci': '1.0',
  'skopeo-oci-full': null,
  'skopeo-oci-nameless': id,
  'skopeo-oci-all': '1.0',
  'skopeo-oci-archive': '1.0',
  'skopeo-docker-archive': null,
  'skopeo-docker-archive-nameless': id,
  umoci: '1.0',
  'buildah-oci': '1.0',
  'buildah-oci-archive': '1.0',
  'buildah-docker-archive': null,
  'podman-docker-archive': null,
  'podman-by-id': id,
  'podman-oci-archive': null,
  'podman-oci-dir': null,
  'crane-oci': id,
  'crane-oci-annotated': null,
  'crane-oci-all': id,
  'crane-tarball': null,
  'crane-tarball-digest': 'registry.example/acme/api:i-was-a-digest',
  'crane-legacy': null,
  'ctr-export': null,
};
/** Folders that no spec can name, with what the refusal says to do. */
const folders = ['skopeo-dir', 'podman-docker-dir'];

describe('an image as other tools write it', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'producers-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function packed(name: string, more: { sourceName?: string } = {}, wanted = reference) {
    const { form } = recording(name);
    const source = form === 'folder' ? { ociLayout: 'recorded' } : { archive: 'recorded' };
    const spec = writeTinySpec(folder, {
      editSpec: (text) => {
        (text['images'] as object[]).push({ reference: wanted, ...source, ...more });
        (text['archives'] as Record<string, string[]>)['docker-images.tar.gz']!.push(wanted);
      },
    });
    const plan = await checkedPlan(spec, { folder });
    return { plan, image: plan.images.at(-1)! };
  }
  const refusalOf = async (packing: Promise<unknown>): Promise<string> => {
    const error = await packing.then(
      () => assert.fail('not refused'),
      (refused: unknown) => refused as Error,
    );
    assert.equal(error.name, 'SpecError', error.stack);
    assert.match(error.message, /release\.yaml:\d+: the image registry\.example\/acme\/api[:@]/);
    return error.message;
  };

  for (const [name, said] of Object.entries(sourceNames))
    it(`${recording(name).command}: ${said === null ? 'is taken' : 'is refused with what to write, and taken then'}`, async () => {
      await writeRecording(join(folder, 'recorded'), recording(name));
      if (said === null) {
        const { plan, image } = await packed(name);
        await checkContents(plan, undefined);
        assert.equal(image.reference, reference);
        return;
      }
      const refusal = await refusalOf(packed(name));
      const [, words = ''] = / sourceName: ("[^"]+")$/m.exec(refusal) ?? [];
      const sourceName = JSON.parse(words) as string;
      if (typeof said === 'string') assert.equal(sourceName, said);
      else assert.match(sourceName, said);
      assert.ok(refusal.includes(`which holds ${typeof said === 'string' ? said : '(no name)'} (`), refusal);
      const { plan, image } = await packed(name, { sourceName });
      await checkContents(plan, undefined);
      assert.equal(image.reference, reference);
    });

  for (const name of folders)
    it(`${recording(name).command}: is refused with the command that makes a layout of it`, async () => {
      await writeRecording(join(folder, 'recorded'), recording(name));
      const path = join(folder, 'recorded');
      assert.ok(
        (await refusalOf(packed(name))).endsWith(`does: skopeo copy dir:${path} oci:LAYOUT:${reference}`),
      );
    });

  it('by digest is taken from every OCI layout, under whatever name', async () => {
    const layouts = Object.keys(sourceNames).filter((name) => 'index.json' in recording(name).members);
    assert.ok(layouts.length >= 12);
    for (const name of layouts) {
      rmSync(join(folder, 'recorded'), { recursive: true, force: true });
      await writeRecording(join(folder, 'recorded'), recording(name));
      const index = JSON.parse(recording(name).members['index.json'] as string) as {
        manifests: { digest: string }[];
      };
      const byDigest = `registry.example/acme/api@${index.manifests[0]!.digest}`;
      assert.equal((await packed(name, {}, byDigest)).image.reference, byDigest);
    }
  });

  it('by digest is refused from an archive of docker’s form, with both digests', async () => {
    const asked = `sha256:${'0'.repeat(64)}`;
    for (const name of ['podman-docker-archive', 'crane-tarball']) {
      await writeRecording(join(folder, 'recorded'), recording(name));
      const { manifest } = (await packed(name)).image;
      const refusal = await refusalOf(packed(name, {}, `registry.example/acme/api:1.0@${asked}`));
      assert.match(refusal, new RegExp(`asks for ${asked}, and .* made for it has ${manifest.digest}`));
    }
  });

  it('has its row in the vendors’ guide', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/vendors.md'), 'utf8');
    for (const file of readdirSync(recordings)) {
      const name = file.replace('.json', '');
      assert.ok(name in sourceNames || folders.includes(name), name);
      const row = guide.split('\n').find((line) => line.startsWith(`| \`${recording(name).command}\` `));
      assert.ok(row !== undefined, recording(name).command);
      const said = sourceNames[name];
      const wants = said === null ? '| nothing ' : said === '1.0' ? '| `sourceName: TAG`' : '| `sourceName: ';
      assert.ok(folders.includes(name) ? row.includes('refused') : row.includes(wants), row);
    }
  });
});
