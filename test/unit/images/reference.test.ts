import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalizedReference, parseReference, repositoryOf } from '../../../src/images/reference.ts';

const hex = 'a0'.repeat(32);
const digest = `sha256:${hex}`;
const long = 'a'.repeat(255);

test('every spelling of a name means what containerd stores', () => {
  const cases: [string, string][] = [
    ['server:1', 'docker.io/library/server:1'],
    ['server', 'docker.io/library/server:latest'],
    ['docker.io/server:1', 'docker.io/library/server:1'],
    ['docker.io/library/server:1', 'docker.io/library/server:1'],
    ['index.docker.io/server:1', 'docker.io/library/server:1'],
    ['index.docker.io/team/server', 'docker.io/team/server:latest'],
    ['team/server:1', 'docker.io/team/server:1'],
    ['registry-1.docker.io/team/server:1', 'registry-1.docker.io/team/server:1'],
    ['registry.example/team/server:1', 'registry.example/team/server:1'],
    ['registry.example/server', 'registry.example/server:latest'],
    ['Registry.Example/server:1', 'Registry.Example/server:1'],
    ['REGISTRY/server:1', 'REGISTRY/server:1'],
    ['localhost/server:1', 'localhost/server:1'],
    ['localhost:5000/server', 'localhost:5000/server:latest'],
    ['registry:5000/server', 'registry:5000/server:latest'],
    ['registry:5000', 'docker.io/library/registry:5000'],
    ['127.0.0.1:5000/a/b/c:1.2', '127.0.0.1:5000/a/b/c:1.2'],
    ['[2001:db8::1]:5000/a:1', '[2001:db8::1]:5000/a:1'],
    [`server@${digest}`, `docker.io/library/server@${digest}`],
    [`server:1@${digest}`, `docker.io/library/server@${digest}`],
    [`r.example/a:latest@sha512:${'b'.repeat(128)}`, `r.example/a@sha512:${'b'.repeat(128)}`],
    ['a_b/c__d/e-f/g---h/i.j:T_1.x-Y', 'docker.io/a_b/c__d/e-f/g---h/i.j:T_1.x-Y'],
    [`r.example/${long}:1`, `r.example/${long}:1`],
    [`a:${'t'.repeat(128)}`, `docker.io/library/a:${'t'.repeat(128)}`],
    ['r_x.example/a:1', 'r_x.example/a:1'],
    [`library/${hex}:1`, `docker.io/library/${hex}:1`],
  ];
  for (const [text, stored] of cases) {
    assert.equal(normalizedReference(text), stored);
    assert.equal(normalizedReference(stored), stored, 'once more changes nothing');
  }
});

test('what no runtime takes is refused, and equals nothing else', () => {
  const cases: [string, RegExp][] = [
    ['', /not a repository/],
    [hex, /an image ID/],
    ['Server:1', /lower case/],
    ['r.example/Team/server:1', /lower case/],
    ['r.example/team/server:', /not a tag/],
    ['r.example/team/server:.1', /not a tag/],
    [`a:${'t'.repeat(129)}`, /not a tag/],
    [`r.example/${long}a:1`, /256 characters/],
    ['r.example//a:1', /not a repository/],
    ['r.example/a/:1', /not a repository/],
    ['r.example/a___b:1', /not a repository/],
    ['r.example/a..b:1', /not a repository/],
    ['-r.example/a:1', /not a registry/],
    ['r.example:port/a:1', /not a registry/],
    ['https://r.example/a:1', /not a registry|not a repository/],
    [`a@sha256:${hex}0`, /not a digest/],
    [`a@sha256:${hex.toUpperCase()}`, /not a digest/],
    [`a@md5:${'a'.repeat(32)}`, /not a digest/],
    [`a@${digest}@${digest}`, /more than one @/],
    ['a b:1', /not a repository/],
    [' a:1', /not a repository/],
    ['a:1\n', /not a tag/],
  ];
  for (const [text, why] of cases) {
    assert.throws(() => parseReference(text), why, JSON.stringify(text));
    assert.equal(normalizedReference(text), text);
    assert.equal(repositoryOf(text), text);
  }
});

test('a repository is a reference without tag and digest', () => {
  assert.equal(repositoryOf('registry:5000/team/server:1'), 'registry:5000/team/server');
  assert.equal(repositoryOf('registry:5000/server'), 'registry:5000/server');
  assert.equal(repositoryOf(`server:1@${digest}`), 'docker.io/library/server');
  assert.equal(repositoryOf('index.docker.io/server'), 'docker.io/library/server');
});
