import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { layerBreaches, layers } from '../../../scripts/layers.ts';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'layers-'));
after(() => rmSync(folder, { recursive: true }));

let trees = 0;
/** What is wrong with a tree that has nothing but this file. */
function plant(layer: string, text: string) {
  const src = join(folder, `${(trees += 1)}`, 'src');
  const file =
    layer === 'main' || layer === 'errors' ? join(src, `${layer}.ts`) : join(src, layer, 'planted.ts');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return layerBreaches(src);
}

test('the code as it is breaks no arrow', () => {
  assert.deepEqual(layerBreaches(join(root, 'src')), []);
});

const names = Object.keys(layers).filter((name) => name !== 'main' && name !== 'errors');
for (const from of names) {
  for (const to of names.filter((name) => name !== from && !layers[from]?.imports.includes(name))) {
    test(`a planted import ${from} -> ${to} is found, with its line`, () => {
      const breaches = plant(from, `// why\nimport { a } from '../${to}/a.ts';\nexport const b = a;\n`);
      assert.equal(breaches.length, 1);
      assert.match(breaches[0]?.file ?? '', new RegExp(`src/${from}/planted.ts`));
      assert.equal(breaches[0]?.line, 2);
      assert.match(breaches[0]?.message ?? '', new RegExp(`${from} -> ${to} is no arrow`));
    });
  }
}

test('a dynamic import follows the arrows too', () => {
  assert.equal(plant('policy', `export const a = () => import('../host/runner.ts');\n`).length, 1);
});

test('a type import is free only where the table says so', () => {
  assert.deepEqual(
    plant('steps', `import type { Step } from '../engine/step.ts';\nexport type S = Step<null>;\n`),
    [],
  );
  assert.equal(
    plant('policy', `import type { Step } from '../engine/step.ts';\nexport type S = Step<null>;\n`).length,
    1,
  );
});

test('programs are started by host/ alone', () => {
  for (const from of names.filter((name) => name !== 'host')) {
    const [breach] = plant(from, `import { spawn } from 'node:child_process';\nexport const a = spawn;\n`);
    assert.match(breach?.message ?? '', /belongs to host/);
  }
  assert.deepEqual(
    plant('host', `import { spawn } from 'node:child_process';\nexport const a = spawn;\n`),
    [],
  );
});

test('src/ imports nothing from outside itself', () => {
  assert.match(plant('host', `export * from '../../test/a.ts';\n`)[0]?.message ?? '', /outside src/);
});
