import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareWithRuntime } from '../../../src/images/compare-runtime.ts';
import type { IndexImage } from '../../../src/payload/format/index-schema.ts';

const image = (reference: string, id: string): IndexImage => ({
  reference,
  platform: { os: 'linux', architecture: 'amd64' },
  manifest: { digest: `sha256:m${id}`, size: 1, mediaType: 'm' },
  config: { digest: `sha256:${id}`, size: 1 },
  layers: [],
});

test('an image is the same only when its name leads to the same image ID', () => {
  const images = [image('a:1', '1'), image('team/b:1', '2'), image('c:1', '3'), image('d:1', '4')];
  const stored = (id: string, repoTags: string[], pinned = false) => ({
    id,
    repoTags,
    repoDigests: [],
    pinned,
  });
  const runtime = [
    stored('sha256:1', ['docker.io/library/a:1', 'docker.io/library/other:1'], true),
    stored('sha256:9', ['docker.io/team/b:1']),
    stored('sha256:4', []),
  ];
  assert.deepEqual(compareWithRuntime(images, runtime), [
    { state: 'same', id: 'sha256:1', pinned: true },
    { state: 'different', id: 'sha256:9', pinned: false },
    { state: 'missing', id: undefined, pinned: false },
    { state: 'missing', id: undefined, pinned: false },
  ]);
});

test('an image whose name has a digest is found among those names', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const runtime = [
    { id: 'sha256:1', repoTags: [], repoDigests: [`docker.io/library/a@${digest}`], pinned: true },
  ];
  assert.deepEqual(compareWithRuntime([image(`a:1@${digest}`, '1')], runtime), [
    { state: 'same', id: 'sha256:1', pinned: true },
  ]);
});
