import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  compareWithRuntime,
  normalizedReference,
  repositoryOf,
} from '../../../src/images/compare-runtime.ts';
import type { IndexImage } from '../../../src/payload/index-schema.ts';

test('short references mean what containerd stores', () => {
  const cases: [string, string][] = [
    ['server:1', 'docker.io/library/server:1'],
    ['team/server:1', 'docker.io/team/server:1'],
    ['team/server', 'docker.io/team/server:latest'],
    ['registry.example/team/server:1', 'registry.example/team/server:1'],
    ['localhost/server:1', 'localhost/server:1'],
    ['registry:5000/server', 'registry:5000/server:latest'],
    ['registry.example/server@sha256:00', 'registry.example/server@sha256:00'],
  ];
  for (const [reference, stored] of cases) assert.equal(normalizedReference(reference), stored);
});

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

test('a repository is a reference without tag and digest', () => {
  assert.equal(repositoryOf('registry:5000/team/server:1'), 'registry:5000/team/server');
  assert.equal(repositoryOf('registry:5000/server'), 'registry:5000/server');
  assert.equal(repositoryOf('server:1@sha256:00'), 'docker.io/library/server');
});
