import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import type { ValuesPatch } from '../../../src/payload/product-schema.ts';
import type { StepContext } from '../../../src/steps/context.ts';
import { parseValues } from '../../../src/steps/values_file.ts';
import { valuesFiles, writeOverlay } from '../../../src/steps/values_overlay.ts';

const folder = mkdtempSync(join(tmpdir(), 'overlay-'));
after(() => rmSync(folder, { recursive: true }));

const patch: ValuesPatch = {
  id: 'unit-system',
  why: 'units was renamed',
  when: [{ path: ['units'], equals: 'imperial' }],
  set: [{ path: ['backend', 'unitSystem'], value: 'field' }],
};
const paths = { overlay: join(folder, 'overlay.yaml'), values: join(folder, 'values.yaml') };
const ctx = { release: { valuesPatches: [patch] }, paths } as unknown as StepContext;

test('an overlay holds what the patches set, says why, and goes when no patch applies any more', async () => {
  assert.deepEqual(valuesFiles(ctx), [paths.values]);
  assert.deepEqual(await writeOverlay(ctx, parseValues(paths.values, 'units: imperial\n')), ['unit-system']);
  const text = readFileSync(paths.overlay, 'utf8');
  assert.deepEqual(parse(text), { backend: { unitSystem: 'field' } });
  assert.match(text, /# unit-system: units was renamed/);
  assert.equal(statSync(paths.overlay).mode & 0o777, 0o600);
  assert.deepEqual(valuesFiles(ctx), [paths.values, paths.overlay]);

  assert.deepEqual(await writeOverlay(ctx, parseValues(paths.values, 'units: metric\n')), []);
  assert.equal(existsSync(paths.overlay), false);
});
