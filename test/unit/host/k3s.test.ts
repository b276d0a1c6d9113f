import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mirroredRegistries } from '../../../src/host/k3s.ts';

test('registries that k3s asks elsewhere may be asked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mirrors-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'registries.yaml');
  writeFileSync(file, 'mirrors:\n  docker.io:\n    endpoint: ["https://mirror.example"]\n  "*":\n');
  assert.deepEqual(await mirroredRegistries(file), ['docker.io', '*']);
  writeFileSync(file, 'configs: {}\n');
  assert.deepEqual(await mirroredRegistries(file), []);
  assert.deepEqual(await mirroredRegistries(join(folder, 'none')), []);
});
