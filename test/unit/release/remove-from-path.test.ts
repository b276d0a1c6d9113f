import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { foreign } from '../../../src/foreign.ts';
import { pathPlaces, shareFiles } from '../../../src/policy/path-names.ts';
import { sealed, sealLine } from '../../../src/policy/sealed-text.ts';
import { type Activation, writeActivation } from '../../../src/release/activation-record.ts';
import { findOnPath, removeFromPath } from '../../../src/release/remove-from-path.ts';
import { makeTinyPayload, type TinyPayload, tinyProduct } from '../../fixtures/tiny-payload.ts';

const root = mkdtempSync(join(tmpdir(), 'remove-from-path-'));
let payload: TinyPayload | undefined;
after(() => {
  payload?.remove();
  rmSync(root, { recursive: true });
});

const prefix = join(root, 'local');
const product = { ...tinyProduct, onPath: { prefix } };
const paths = { activation: join(root, 'installer/activation.json') };
const { bin, folder, active } = pathPlaces(product);
const text = (name: string) => sealed(`# ${sealLine('tiny')}\n${name}\n`);
const host = { product, paths };

function put(path: string, content: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

const record = (change: Partial<Activation>): Activation => ({
  schema: { major: 1, minor: 0 },
  product: 'tiny',
  version: '2026.1',
  payloadDigest: 'x',
  how: 'link',
  executable: '/x',
  source: '/x',
  complete: true,
  at: '',
  by: 'root',
  files: [],
  copies: [],
  folders: [],
  ...change,
});

beforeEach(() => {
  for (const part of [prefix, join(root, 'installer')]) rmSync(part, { recursive: true, force: true });
  mkdirSync(join(root, 'installer'));
  mkdirSync(bin, { recursive: true });
});

test('what is ours is removed, with its record and the folders that were made for it; nothing else is', async () => {
  const launcher = put(join(bin, 'tiny'), text('tiny'));
  const elsewhere = put(join(root, 'local/sbin/tiny'), text('tiny'));
  const completion = put(shareFiles.fish(prefix, 'tiny'), text('fish'));
  const others = put(join(bin, 'other'), 'of others');
  mkdirSync(folder, { recursive: true });
  symlinkSync('/x', active);
  symlinkSync('active', join(folder, 'tiny'));
  const folders = [join(prefix, 'share'), join(prefix, 'share/fish'), dirname(completion)];
  await writeActivation(paths.activation, record({ files: [launcher, elsewhere, completion], folders }));
  const { removed, left } = await removeFromPath(host);
  assert.deepEqual(left, []);
  for (const path of [launcher, elsewhere, completion, active, folder, ...folders, paths.activation]) {
    assert.ok(!existsSync(path), path);
  }
  assert.equal(removed.filter((path) => path === launcher).length, 1);
  assert.equal(readFileSync(others, 'utf8'), 'of others');
  assert.deepEqual(await removeFromPath(host), { removed: [], left: [] });
});

test('a file that was edited, replaced by a link or a folder, or is of another product stays, and is named', async () => {
  const edited = put(join(bin, 'tiny'), text('tiny').replace('tiny\n', 'tina\n'));
  const link = join(bin, 'tiny_kubectl');
  symlinkSync('/usr/bin/true', link);
  const another = put(join(bin, 'tiny_pgdump'), sealed(`# ${sealLine('lighthouse')}\n`));
  const asFolder = join(prefix, 'share/man/man8/tiny.8');
  mkdirSync(asFolder, { recursive: true });
  const files = [edited, link, another, asFolder];
  await writeActivation(paths.activation, record({ files }));
  const { removed, left } = await removeFromPath(host);
  assert.deepEqual(removed, []);
  assert.deepEqual(
    left.map(({ path }) => path),
    files,
  );
  for (const { path, why } of left)
    assert.match(why, /changed since|link to|folder|product lighthouse/, path);
  for (const path of [edited, another, asFolder]) assert.ok(existsSync(path), path);
});

test('without its record the same is found by the seals; a copy by what it carries', async () => {
  payload = await makeTinyPayload();
  const launcher = put(join(bin, 'tiny'), text('tiny'));
  const copy = put(join(folder, 'tiny-2026.1'), '');
  writeFileSync(copy, readFileSync(payload.path));
  const torn = put(join(folder, '.tiny-2026.2.999999999-0123abcd.partial'), 'half');
  const foreign = put(join(folder, 'notes.txt'), 'of somebody');
  symlinkSync(copy, active);
  const found = await findOnPath(host);
  assert.deepEqual(
    [found.files, found.links, found.copies.toSorted(), found.left.map(({ path }) => path)],
    [[launcher], [active], [torn, copy].toSorted(), [foreign]],
  );
  const { left } = await removeFromPath(host, { keepCopies: [copy] });
  assert.deepEqual(
    left.map(({ path }) => path),
    [foreign, copy],
  );
  assert.ok(existsSync(copy) && existsSync(foreign) && !existsSync(launcher) && !existsSync(torn));
});

test('a link that somebody has put into our folder stays, and is named', async () => {
  mkdirSync(folder, { recursive: true });
  const theirs = join(folder, 'data');
  symlinkSync('/srv/data', theirs);
  symlinkSync('/x', active);
  const earlier = join(folder, 'tiny_of_an_earlier_release');
  symlinkSync('active', earlier);
  const cut = join(folder, '.active.999999999-0123abcd.partial');
  symlinkSync('/y', cut);
  await writeActivation(paths.activation, record({}));
  const { removed, left } = await removeFromPath(host);
  assert.deepEqual(left, [
    { path: theirs, why: `it is a link to ${foreign('/srv/data')}, which activate did not make` },
  ]);
  assert.deepEqual(removed.toSorted(), [active, earlier, cut].toSorted());
  assert.ok(existsSync(folder));
});
