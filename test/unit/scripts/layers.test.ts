import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { layerBreaches, layers, matrixLines } from '../../../scripts/layers.ts';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'layers-'));
after(() => rmSync(folder, { recursive: true }));

let trees = 0;
/** A src/ folder that has nothing but these files. */
function tree(files: Readonly<Record<string, string>>): string {
  const src = join(folder, `${(trees += 1)}`, 'src');
  for (const [name, text] of Object.entries(files)) {
    const file = join(src, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return src;
}

/** What is wrong with a tree that has nothing but this file. */
const plant = (layer: string, text: string) =>
  layerBreaches(
    tree({ [layer === 'main' || layer === 'errors' ? `${layer}.ts` : `${layer}/planted.ts`]: text }),
  );
const messages = (files: Readonly<Record<string, string>>) =>
  layerBreaches(tree(files)).map(({ file, message }) => `${file}: ${message}`);

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

test('files that import each other are a circle, by types and dynamic imports as well', () => {
  const files = {
    'host/a.ts': `import { b } from './b.ts';\nexport const a = b;\n`,
    'host/b.ts': `import type { C } from './inner/c.ts';\nexport const b: C = 1;\n`,
    'host/inner/c.ts': `export type C = number;\nexport const c = () => import('../a.ts');\n`,
    'host/d.ts': `export * from './a.ts';\n`,
  };
  assert.deepEqual(messages(files), ['src/host/a.ts: import circle: host/a.ts, host/b.ts, host/inner/c.ts']);
  assert.deepEqual(messages({ ...files, 'host/inner/c.ts': `export type C = number;\n` }), []);
});

test('two circles are two, and a file that imports itself is one', () => {
  const found = messages({
    'ui/a.ts': `import './b.ts';\nimport '../policy/c.ts';\n`,
    'ui/b.ts': `import './a.ts';\n`,
    'policy/c.ts': `import './d.ts';\n`,
    'policy/d.ts': `import './c.ts';\n`,
    'errors.ts': `import './errors.ts';\n`,
  });
  assert.deepEqual(found, [
    'src/errors.ts: import circle: errors.ts',
    'src/policy/c.ts: import circle: policy/c.ts, policy/d.ts',
    'src/ui/a.ts: import circle: ui/a.ts, ui/b.ts',
  ]);
});

test("a step's file is snake_case, any other one kebab-case", () => {
  const found = messages({
    'steps/upgrade_helm.ts': '',
    'steps/helm-run.ts': '',
    'checks/helm_state.ts': '',
    'checks/helm-state.ts': '',
    'host/helmState.ts': '',
  });
  assert.deepEqual(found, [
    'src/checks/helm_state.ts: the name is not kebab-case',
    'src/host/helmState.ts: the name is not kebab-case',
    'src/steps/helm-run.ts: the name is not snake_case, as the id of a step is',
  ]);
});

test('the matrix counts imports from layer to layer', () => {
  const lines = matrixLines(
    tree({
      'ui/a.ts': `import { b } from '../policy/b.ts';\nimport type { B } from '../policy/b.ts';\n`,
      'policy/b.ts': `import '../errors.ts';\n`,
    }),
  );
  const [heads = [], ...rows] = lines.map((line) => line.trim().split(/ +/));
  assert.deepEqual(heads, Object.keys(layers));
  const cell = (from: string, to: string) =>
    rows.find(([name]) => name === from)?.slice(1)[heads.indexOf(to)];
  assert.deepEqual([cell('ui', 'policy'), cell('policy', 'errors'), cell('ui', 'errors')], ['2', '1', '.']);
});
