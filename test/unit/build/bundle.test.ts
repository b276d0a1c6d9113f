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

test('the program is split: what -v needs is a tenth of it, and libraries are chunks of their own', async () => {
  const { assets } = await bundleMain();
  const bytes = (texts: Iterable<string>) => [...texts].reduce((sum, text) => sum + text.length, 0);
  const first = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    const text = assets.get(name) ?? '';
    // Static imports alone: later ones are inside a function that then() calls.
    for (const [, next = ''] of text.matchAll(/(?<!\)=>\w*\(?)require\("\.\/([^"]+)"\)/g)) first(next, seen);
    return seen;
  };
  const loaded = first('main.js');
  assert.ok(
    loaded.size > 1 && !loaded.has([...assets.keys()].find((name) => name.startsWith('undici')) ?? ''),
  );
  const startBytes = bytes([...loaded].map((name) => assets.get(name) ?? ''));
  assert.ok(startBytes < bytes(assets.values()) / 10, `${startBytes} of ${bytes(assets.values())}`);
});
