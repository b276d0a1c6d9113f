import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleMain } from '../../../build/bundle.ts';
import { typescriptFiles } from '../../../scripts/import-graph.ts';

const sources = join(import.meta.dirname, '../../../src');

test('a package that is imported later is taken by its default: a chunk of the executable has no other name of it', () => {
  let found = 0;
  for (const file of typescriptFiles(sources)) {
    for (const [line] of readFileSync(join(sources, file), 'utf8').matchAll(
      /.*\bimport\('[^.'][^']*'\).*/g,
    )) {
      found += 1;
      assert.match(line, /const \{ default: \w+ \} = await import\(/, file);
    }
  }
  assert.ok(found > 0);
});

test('the program is split: -v loads a tenth of it, manifest a quarter, and neither a library that it does not use', async () => {
  const { assets } = await bundleMain();
  const bytesOf = (names: Iterable<string>) =>
    [...names].reduce((sum, name) => sum + (assets.get(name) ?? '').length, 0);
  const named = (start: string) => [...assets.keys()].filter((name) => name.startsWith(start));
  /** A chunk with what it imports at once. */
  const loadedBy = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    const text = assets.get(name) ?? '';
    // Static imports alone: later ones are inside a function that then() calls.
    for (const [, next = ''] of text.matchAll(/(?<!\)=>\w*\(?)require\("\.\/([^"]+)"\)/g))
      loadedBy(next, seen);
    return seen;
  };
  const start = loadedBy('main.js');
  assert.ok(start.size > 1);
  const all = bytesOf(assets.keys());
  assert.ok(bytesOf(start) < all / 10, `${bytesOf(start)} of ${all}`);
  const manifest = new Set(start);
  for (const name of [...named('program-'), ...named('manifest-')]) loadedBy(name, manifest);
  assert.ok(bytesOf(manifest) < all / 4, `${bytesOf(manifest)} of ${all}`);
  const libraries = [...named('undici-'), ...named('tar-stream-')];
  assert.deepEqual(
    libraries.filter((name) => manifest.has(name)),
    [],
  );
});

test('the library for questions is in the chunk that the first question loads, and in no other', async () => {
  const { assets } = await bundleMain();
  const holds = [...assets].filter(([, text]) => text.includes('clack:cancel')).map(([name]) => name);
  assert.equal(holds.length, 1, holds.join(', '));
  const [chunk = ''] = holds;
  assert.match(chunk, /^prompts-/);
  const users = [...assets].filter(([, text]) => text.includes(`require("./${chunk}")`));
  assert.equal(users.length, 1);
  // Inside a function: whoever loads that chunk has not loaded this one.
  assert.match(users[0]![1], new RegExp(`=>\\w*\\(?require\\("\\./${chunk.replaceAll('.', '\\.')}"\\)`));
});
