import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { extractTree, treeTarget } from '../../../src/payload/extract-tree.ts';
import type { PayloadIndex } from '../../../src/payload/format/index-schema.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import type { Forgery } from '../../fixtures/forged-payload.ts';
import { forge } from '../../fixtures/forged-payload.ts';
import type { TinyPayload } from '../../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

/** Far below what a file of its own size would take, and above what the tests themselves do. */
const memoryLimitBytes = 400 * 1024 * 1024;

describe('a payload that somebody forged, with every hash made to fit', () => {
  let tiny: TinyPayload;
  let file: string;
  let out: string;
  before(async () => {
    tiny = await makeTinyPayload();
    file = join(tiny.folder, 'forged');
    out = join(tiny.folder, 'stage/out');
    mkdirSync(join(tiny.folder, 'stage'));
  });
  after(() => tiny.remove());

  /** Reads all of a file and writes it out, as `extract` does. */
  async function extractAll(): Promise<void> {
    const payload = await openPayload(file);
    try {
      const { entries } = await payload.index();
      await payload.product();
      await payload.release();
      const files = entries.map(({ name, size, mode }) => ({
        name,
        sizeBytes: size,
        mode,
        stream: () => payload.streamEntry(name),
      }));
      await extractTree(files, await treeTarget(out));
    } finally {
      await payload.close();
    }
  }

  /** Forges a file that has to be refused with that message, with nothing written and little memory taken. */
  async function refused(forgery: Forgery, message: RegExp): Promise<void> {
    forge(tiny, file, forgery);
    await refusedFile(message);
  }

  async function refusedFile(message: RegExp): Promise<void> {
    const before = process.memoryUsage().rss;
    const error: unknown = await extractAll().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof IvaapError, String(error));
    assert.equal(error.code, 'payload', error.message);
    assert.match(
      [error.message, error.cause instanceof Error ? error.cause.message : ''].join(': '),
      message,
    );
    assert.deepEqual(readdirSync(join(tiny.folder, 'stage')), []);
    assert.ok(process.memoryUsage().rss - before < memoryLimitBytes);
  }

  const renamed =
    (name: string): NonNullable<Forgery['index']> =>
    (index) =>
      (index.entries.find(({ name }) => name.includes('templates/'))!.name = name);

  it('but for nothing is read: the forging itself is sound', async () => {
    forge(tiny, file, {});
    assert.ok(readFileSync(file).equals(readFileSync(tiny.path)));
    await extractAll();
    assert.ok(existsSync(join(out, 'product.json')));
    rmSync(out, { recursive: true });
  });

  it('is refused for names that leave the folder, or mean something to a terminal or a file system', async () => {
    for (const name of [
      '/etc/cron.d/evil',
      '../evil',
      'a/../../evil',
      './evil',
      'a/./evil',
      'a//evil',
      'evil/',
      '',
      String.raw`a\evil`,
      'evil\u001b[2J',
      'evil\u0000.txt',
      'evil\n.txt',
      'évil',
      'evil\u202Etxt.exe',
      'e'.repeat(513),
    ])
      await refused({ index: renamed(name) }, /name: |control characters|too_big|Too big/i);
  });

  it('is refused for names that meet: the same, in another case, a file that is also a folder', async () => {
    await refused({ index: renamed('product.json') }, /duplicate name product\.json/);
    await refused({ index: renamed('PRODUCT.json') }, /duplicate name PRODUCT\.json/);
    await refused({ index: renamed('index.json') }, /duplicate name index\.json/);
    await refused({ index: renamed('product.json/evil') }, /product\.json is a file, and a folder in/);
    await refused({ index: renamed('docker-images.tar.gz') }, /duplicate name docker-images\.tar\.gz/);
  });

  it('is refused when the product or release that it holds is another one than its index names', async () => {
    for (const key of ['product', 'title', 'command', 'version'] as const) {
      forge(tiny, file, { index: (index) => (index[key] = 'other') });
      const payload = await openPayload(file);
      try {
        const read = key === 'version' ? payload.release() : payload.product();
        await assert.rejects(read, {
          code: 'payload',
          message: /contradicts itself: .* index\.json says other$/,
        });
      } finally {
        await payload.close();
      }
    }
  });

  it('is refused for setuid and other special modes', async () => {
    for (const mode of [0o4755, 0o2755, 0o1777, 0o777, 0o666, 0o120777, 0o020666, -1])
      await refused({ index: ({ entries }) => void (entries[3]!.mode = mode) }, /entries\.3\.mode/);
  });

  it('is refused when its zip directory makes a link, a device or another name of an entry', async () => {
    const attributes = (mode: number) => (directory: Buffer) => {
      // The second header: product.json's.
      directory.writeUInt32LE(mode * 2 ** 16, 46 + 'index.json'.length + 38);
      return directory;
    };
    for (const mode of [0o120777, 0o020666, 0o060666, 0o104755])
      await refused({ directory: attributes(mode) }, /damaged in the zip directory/);
    const other = (directory: Buffer) =>
      Buffer.from(directory.toString('latin1').replace('release.json', '../evil.json'), 'latin1');
    await refused({ directory: other }, /damaged in the zip directory/);
    const oneMore = (directory: Buffer) => Buffer.concat([directory.subarray(0, 56), directory]);
    await refused({ directory: oneMore }, /bytes and its trailer says|damaged/);
  });

  it('is refused when a local header says something else than the index', async () => {
    for (const field of [4, 8, 14, 18, 22, 26, 30])
      await refused(
        {
          headers: (name, header) => {
            if (name === 'release.json') header[field]! ^= 1;
            return header;
          },
        },
        /damaged in release\.json \(its header\)/,
      );
  });

  it('is refused for entries that overlap, leave gaps or reach beyond the file', async () => {
    const changes: [(index: PayloadIndex) => void, RegExp][] = [
      [({ entries }) => void (entries[4]!.offset = entries[3]!.offset), /no local header fits/],
      [({ entries }) => void (entries[4]!.offset += 1), /no local header fits/],
      [({ entries }) => void (entries[4]!.size += 100_000), /no local header fits/],
      [({ entries }) => void (entries.at(-1)!.size = 2 ** 52), /entries end at/],
      [({ entries }) => void (entries[0]!.size = Number.MAX_SAFE_INTEGER), /no local header fits/],
      [({ entries }) => void (entries[0]!.size = 2 ** 60), /entries\.0\.size/],
      [({ entries }) => void (entries[0]!.offset = -1), /entries\.0\.offset/],
      [({ entries }) => void (entries[0]!.size = 1.5), /entries\.0\.size/],
      [({ chunks }) => void (chunks.chunkSize = 2 ** 50), /chunkSize/],
      [({ chunks }) => void (chunks.coveredEnd = 2 ** 50), /chunks for/],
      [(index) => void (index.headSize = 2 ** 50), /no local header fits before index\.json/],
      [(index) => void (index.headSize = 0), /index\.json|zip directory/],
      [({ images }) => void (images[0]!.layers[0]!.size = 2 ** 50), /blob .* is missing/],
    ];
    for (const [index, message] of changes) await refused({ index }, message);
  });

  it('is refused for an archive whose size is made up, before anything appears under its name', async () => {
    forge(tiny, file, { index: ({ archives }) => void (archives[0]!.size += 1) });
    const payload = await openPayload(file);
    const archive = await payload.archive('docker-images.tar.gz');
    const stream = () => payload.streamArchive(archive.name);
    await assert.rejects(
      extractTree([{ ...archive, sizeBytes: archive.size, mode: 0o644, stream }], await treeTarget(out)),
      { code: 'payload' },
    );
    assert.deepEqual(readdirSync(join(tiny.folder, 'stage')), []);
    await payload.close();
  });

  it('is refused for texts that would steer a terminal or another program', async () => {
    const escape = '\u001b]0;owned\u0007';
    for (const key of ['title', 'version', 'command', 'product'] as const) {
      await refused({ index: (index) => void (index[key] = `x${escape}`) }, /control characters/);
      await refused({ index: (index) => void (index[key] = 'x\u009b2J') }, /control characters/);
      await refused({ index: (index) => void (index[key] = 'x\u202e') }, /control characters/);
      await refused({ index: (index) => void (index[key] = 'two\nlines') }, /is not a line of text/);
      await refused({ index: (index) => void (index[key] = '') }, /is not a line of text/);
    }
    await refused({ index: ({ images }) => void (images[0]!.reference = '--help') }, /images\.0\.reference/);
    await refused({ index: ({ images }) => void (images[0]!.reference = 'a b') }, /images\.0\.reference/);
    await refused({ index: ({ tools }) => void (tools['../helm'] = tools['helm']!) }, /tools/);
  });

  it('is refused for JSON that readers understand differently', async () => {
    const spellings: [(text: string) => string | Buffer, RegExp][] = [
      [(text) => text.replace('{', '{"version":"2099.1",'), /a duplicate key/],
      [(text) => text.replace('"sha256":', '"sha256":"x","sha256":'), /a duplicate key/],
      [(text) => text.replace('{', '{"__proto__":{"version":"2099.1"},'), /__proto__/],
      [(text) => text.replace('{', String.raw`{"\u005f_proto__":{"version":"2099.1"},`), /__proto__/],
      [(text) => text.replace('"tools":{', '"tools":{"__proto__":{},'), /__proto__/],
      [(text) => text.replace('"minor":0', '"minor":0.0'), /another spelling/],
      [(text) => text.replace('"minor":0', '"minor":0e1'), /another spelling/],
      [(text) => text.replace('"minor":0', '"minor":-0'), /another spelling/],
      [(text) => text.replace('"title":"Tiny"', String.raw`"title":"T\u0069ny"`), /another spelling/],
      [(text) => text.replace(',', ' ,'), /another spelling/],
      [(text) => Buffer.from(text.replace('Tiny', 'Tin\u00ff'), 'latin1'), /another spelling/],
      [(text) => text.slice(0, -1), /it is not JSON/],
      [(text) => `${text}x`, /it is not JSON/],
      [() => '[]', /format undefined/],
      [() => 'null', /format undefined/],
      [() => `${'['.repeat(3000)}${']'.repeat(3000)}`, /nested deeper/],
    ];
    for (const [text, message] of spellings) await refused({ text }, message);
    assert.equal(({} as { version?: string }).version, undefined);
  });

  it('is read when it has fields that nobody knows and a higher minor, and refused with a higher major', async () => {
    forge(tiny, file, {
      index: (index) => {
        index.format.minor = 7;
        Object.assign(index, { news: [1] });
        Object.assign(index.entries[0]!, { news: { more: 'text' } });
      },
    });
    const payload = await openPayload(file);
    assert.equal((await payload.index()).format.minor, 7);
    assert.equal('news' in (await payload.index()), false);
    await payload.close();
    await refused(
      { index: ({ format }) => void Object.assign(format, { major: 2 }) },
      /has payload format 2, this program reads format 1/,
    );
    await refused(
      { comment: (text) => text.replace('payload 1', 'payload 2') },
      /has payload format 2 by its trailer, and this program reads format 1/,
    );
  });

  it('is refused for a trailer that is in the wrong place, is a duplicate, or points elsewhere', async () => {
    const whole = readFileSync(tiny.path);
    const comment = whole.subarray(whole.lastIndexOf('executable-payload 1'));
    const end = whole.subarray(whole.length - comment.length - 22);
    forge(tiny, file, {});
    appendFileSync(file, end);
    await refusedFile(/bytes more than its/);
    // A second end record that is right about the file's new size.
    forge(tiny, file, {});
    const size = String(whole.length + end.length).padStart(String(whole.length).length);
    appendFileSync(
      file,
      Buffer.from(end.toString('latin1').replace(/file-size: \d+/, `file-size: ${size}`), 'latin1'),
    );
    await refusedFile(/describes a file of/);
    await refused({ trailer: (trailer) => void (trailer.indexOffset += 1) }, /damaged in the trailer/);
    await refused({ trailer: (trailer) => void (trailer.indexOffset = 10 ** 14) }, /damaged in the trailer/);
    await refused({ trailer: (trailer) => void (trailer.indexLength = 0) }, /damaged in the trailer/);
    for (const [from, to] of [
      ['key: none', 'key: NONE'],
      ['signature: none\n', 'signature: none\n\n'],
      ['index-offset: ', 'index-offset: 0'],
      ['signature: none', 'signature: none\u001b[2J'],
      ['key: none\n', ''],
    ] as const)
      await refused({ comment: (text) => text.replace(from, to) }, /its trailer|its end record/);
  });

  it('means nothing by a trailer inside one of its files', async () => {
    const whole = readFileSync(tiny.path);
    const end = whole.subarray(whole.lastIndexOf('executable-payload 1') - 22);
    const outer = await makeTinyPayload({
      version: '2026.2',
      editFiles: (folder) => writeFileSync(join(folder, 'chart/templates/zz.yaml'), end),
    });
    const payload = await openPayload(outer.path);
    assert.equal(payload.identity.version, '2026.2');
    await payload.index();
    await payload.close();
    outer.remove();
  });

  it('of 300 MB of index is refused unread', async () => {
    forge(tiny, file, { trailer: (trailer) => void (trailer.indexLength = 300_000_000) });
    await refusedFile(/has an index of 300000000 bytes; at most 67108864 are allowed/);
  });
});
