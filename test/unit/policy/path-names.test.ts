import assert from 'node:assert/strict';
import { test } from 'node:test';
import { typedName } from '../../../src/host/typed-name.ts';
import { pathNames, pathPlaces, roleOf } from '../../../src/policy/path-names.ts';
import { sealed, sealedFor, sealLine } from '../../../src/policy/sealed-text.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

const other = { name: 'lighthouse', command: 'lhctl' };

test('names that a product does not choose are made of its command: two products share none', () => {
  const names = [pathNames(tinyProduct), pathNames(other)].flatMap((all) => Object.values(all));
  assert.deepEqual(names, ['tiny', 'tiny_kubectl', 'tiny_pgdump', 'lhctl', 'lhctl_kubectl', 'lhctl_pgdump']);
  assert.notEqual(pathPlaces(tinyProduct).folder, pathPlaces(other).folder);
});

test('a role belongs to the whole name', () => {
  const product = { ...other, onPath: { kubectl: 'lk' } };
  const roles = ['lhctl', 'lk', 'lhctl_pgdump', 'lhctl_kubectl', 'LK', 'lk2', ''].map((name) =>
    roleOf(name, product),
  );
  assert.deepEqual(roles, ['main', 'kubectl', 'pgDump', undefined, undefined, undefined, undefined]);
});

test('the name that was typed is told from the link that a launcher starts, and from nothing else', () => {
  const { folder } = pathPlaces(other);
  assert.equal(typedName(`${folder}/lhctl`), 'lhctl');
  assert.equal(typedName('/srv/apps/lib/lighthouse-activated/lk'), 'lk');
  for (const argv0 of ['lhctl', './lhctl', '/usr/local/bin/lhctl', `${folder}/a b`, `${folder}/`, ''])
    assert.equal(typedName(argv0), undefined, argv0);
});

test('a sealed text is known as its product’s until one character of it is another', () => {
  const text = sealed(`#!/bin/sh\n# ${sealLine('tiny')}\necho one\n`);
  assert.equal(sealedFor(text), 'tiny');
  const changed = ['echo two', 'echo one ', '#!/bin/bash'].map((word) =>
    text.replace(word.startsWith('#') ? '#!/bin/sh' : 'echo one', word),
  );
  for (const one of [...changed, text.replace('tiny', 'tina'), text.slice(0, -1), 'echo one\n', ''])
    assert.equal(sealedFor(one), undefined, one);
});
