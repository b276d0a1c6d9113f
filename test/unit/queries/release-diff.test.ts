import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { describedRelease } from '../../../src/images/release-description.ts';
import { releaseDiff } from '../../../src/queries/release-diff.ts';
import type { ReleaseDiff } from '../../../src/queries/release-diff-schema.ts';
import { releaseDiffText } from '../../../src/ui/release-diff-text.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { makeTinyPayload, type TinyOptions, type TinyPayload } from '../../fixtures/tiny-payload.ts';

const made: TinyPayload[] = [];
after(() => made.forEach((payload) => payload.remove()));

async function described(options: TinyOptions = {}) {
  const tiny = await makeTinyPayload(options);
  made.push(tiny);
  const payload = await openPayload(tiny.path);
  try {
    return await describedRelease(payload);
  } finally {
    await payload.close();
  }
}

const nothing = { added: [], changed: [], removed: [] };
const before = await described();
const later = await described({
  version: '2026.2',
  editSpec: (spec) => {
    spec['tools'] = { helm: { path: 'helm', version: 'v4.4.0' } };
    spec['release'] = {
      version: '2026.2',
      schema: { min: 2, target: 3 },
      postgresMajor: 15,
      notes: [
        { version: '2026.1', lines: ['The first release.'] },
        { version: '2026.2', breaking: [{ path: ['pool'], todo: 'remove it', replacedBy: ['pools'] }] },
      ],
    };
  },
  editFiles: (folder) => {
    rmSync(join(folder, 'chart/templates/config.yaml'));
    writeFileSync(join(folder, 'chart/templates/secret.yaml'), 'kind: Secret\n');
    writeFileSync(join(folder, 'helm'), '#!/bin/sh\necho newer\n');
  },
});

test('a release and itself differ in nothing', () => {
  const diff = releaseDiff(before, before);
  assert.deepEqual([diff.newLayers, diff.newBytes], [0, 0]);
  assert.deepEqual([diff.chart, diff.files, diff.archives], [nothing, nothing, nothing]);
  assert.deepEqual(diff.images.unchanged.length, 3);
  assert.deepEqual(
    diff.tools.map(({ sameBytes }) => sameBytes),
    [true],
  );
  assert.match(
    releaseDiffText(diff, 'x').join('\n'),
    /^Images: 0 added, 0 changed, 0 removed, 3 the same; 0 new layers, 0 B new$/m,
  );
});

test('the notes between both releases are told, whichever of the two is this file', () => {
  for (const diff of [releaseDiff(before, later), releaseDiff(later, before)]) {
    assert.deepEqual(
      diff.notes.map(({ version, breaking }) => [version, breaking[0]?.key, breaking[0]?.yours]),
      [['2026.2', 'pool', null]],
    );
    const text = releaseDiffText(diff, 'x').join('\n');
    assert.match(text, /\nRelease notes:\n {2}2026\.2\n {4}values: pool -> pools: remove it$/);
  }
  assert.deepEqual(releaseDiff(later, later).notes, []);
});

test('images are paired by repository, and only layers that no image had count as new', () => {
  const { images, newLayers, newBytes } = releaseDiff(before, later);
  const names = ['server', 'db', 'alpha'];
  assert.deepEqual(
    images.changed.map(({ from, to, newLayers: layers }) => [from, to, layers]),
    names.map((name) => [
      `registry.example/tiny/${name}:2026.1`,
      `registry.example/tiny/${name}:2026.2`,
      1, // its own; the base and the connector's extra are as they were
    ]),
  );
  assert.deepEqual([images.added, images.removed, images.renamed, images.unchanged], [[], [], [], []]);
  assert.equal(newLayers, 3);
  const known = new Set(before.index.entries.map(({ name }) => name));
  const blobs = later.index.entries.filter(({ name }) => name.startsWith('blobs/') && !known.has(name));
  assert.equal(
    newBytes,
    blobs.reduce((sum, { size }) => sum + size, 0),
  );
});

test('chart files, other files, archives, tools and versions are reported', () => {
  const diff = releaseDiff(before, later);
  assert.deepEqual(diff.chart, {
    added: ['templates/secret.yaml'],
    changed: ['Chart.yaml'],
    removed: ['templates/config.yaml'],
  });
  assert.deepEqual(diff.files, { ...nothing, changed: ['release.json'] });
  assert.deepEqual(diff.archives.changed, ['connectors/alpha.tar.gz', 'docker-images.tar.gz']);
  assert.deepEqual(diff.tools, [{ name: 'helm', from: 'v4.3.1', to: 'v4.4.0', sameBytes: false }]);
  const text = releaseDiffText(diff, 'other').join('\n');
  assert.match(text, /^ +FROM other +TO THIS FILE$/m);
  assert.match(text, /^Release +Tiny 2026.1 +Tiny 2026.2$/m);
  assert.match(text, /^Schema +2 \(works with 1 or newer\) +3 \(works with 2 or newer\)$/m);
  assert.match(text, /^PostgreSQL +15 +\(the same\)$/m);
  assert.match(text, /^ {2}~ {2}registry.example\/tiny\/server:2026.1 -> \S+:2026.2 +1 new layer +\S+ \S+$/m);
  assert.match(text, /^ {2}- {2}templates\/config.yaml$/m);
  assert.match(text, /^Tool helm: v4.3.1 -> v4.4.0$/m);
});

test('an image under another name is the same image, and one without its like is added or removed', () => {
  const [server, ...others] = before.index.images;
  assert.ok(server);
  const images = [
    ...others.slice(1),
    { ...server, reference: 'registry.example/tiny/server:2026.1-final' },
    { ...others[0]!, reference: 'registry.example/tiny/database:1' },
  ];
  const diff: ReleaseDiff = releaseDiff(before, { ...before, index: { ...before.index, images } });
  assert.deepEqual(
    diff.images.renamed.map(({ from, to }) => [from, to]),
    [['registry.example/tiny/server:2026.1', 'registry.example/tiny/server:2026.1-final']],
  );
  assert.deepEqual(
    diff.images.added.map(({ reference, newBytes }) => [reference, newBytes]),
    [['registry.example/tiny/database:1', 0]],
  );
  assert.deepEqual(
    diff.images.removed.map(({ reference }) => reference),
    ['registry.example/tiny/db:2026.1'],
  );
  assert.equal(diff.newBytes, 0);
});
