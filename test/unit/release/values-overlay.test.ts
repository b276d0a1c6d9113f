import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import type { JsonObject } from '../../../src/engine/step.ts';
import type { Release } from '../../../src/payload/product-schema.ts';
import type { StepContext } from '../../../src/release/context.ts';
import { parseValues, valuesFiles } from '../../../src/release/values-file.ts';
import { writeOverlay } from '../../../src/release/values-overlay.ts';

const folder = mkdtempSync(join(tmpdir(), 'overlay-'));
after(() => rmSync(folder, { recursive: true }));

const patch: Release['valuesPatches'][number] = {
  id: 'unit-system',
  why: 'units was renamed',
  when: [{ path: ['units'], equals: 'imperial' }],
  set: [{ path: ['backend', 'unitSystem'], value: 'field' }],
};
const paths = {
  overlay: join(folder, 'overlay.yaml'),
  values: join(folder, 'values.yaml'),
  backups: join(folder, 'backups'),
};
const recorded: JsonObject = {};
const ctx = {
  release: { valuesPatches: [patch] },
  paths,
  now: () => new Date('2026-05-01T10:20:30Z'),
  run: () => ({ steps: { values: { recorded } } }),
} as unknown as StepContext;
const warnings: string[] = [];
const io = {
  record: async (data: JsonObject) => void Object.assign(recorded, data),
  warn: (line: string) => void warnings.push(line),
};
const write = async (text: string) =>
  (await writeOverlay(ctx, io, parseValues(paths.values, text), { step: 'values' })).patches;

test('an overlay holds what the patches set, says why, and is removed when no patch applies any more', async () => {
  assert.deepEqual(valuesFiles(ctx), [paths.values]);
  assert.deepEqual(await write('units: imperial\n'), ['unit-system']);
  const text = readFileSync(paths.overlay, 'utf8');
  assert.deepEqual(parse(text), { backend: { unitSystem: 'field' } });
  assert.match(text, /# unit-system: units was renamed/);
  assert.equal(statSync(paths.overlay).mode & 0o777, 0o600);
  assert.deepEqual(valuesFiles(ctx), [paths.values, paths.overlay]);

  assert.deepEqual(await write('units: metric\n'), []);
  assert.equal(existsSync(paths.overlay), false);
  assert.deepEqual(warnings, []);
});

test('an overlay that was edited is kept in a backup and named, whether it is written again or removed', async () => {
  for (const values of ['units: imperial\n', 'units: metric\n']) {
    await write('units: imperial\n');
    const edited = `${readFileSync(paths.overlay, 'utf8')}# mine\n`;
    writeFileSync(paths.overlay, edited);
    warnings.length = 0;
    await write(values);
    const [, kept = ''] = /it is kept as (\S+),/.exec(warnings.join()) ?? [];
    assert.equal(readFileSync(kept, 'utf8'), edited);
  }
});
