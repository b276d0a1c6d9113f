import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { drawn } from '../proofs/draw.ts';
import { assertDrawn } from '../proofs/drawn-test.ts';
import { commitHash } from '../proofs/commit.ts';
import { whileDamaged } from './damaged-file.ts';
import { allDamages } from './damages.ts';
import { damageProof, specimen } from './damage-proof.ts';

/** Damages drawn from the commit: every commit tries others. `npm run test:damage` tries them all. */

const commit = commitHash();

test('250 damages drawn by the commit are found and rightly named', async (t) => {
  const { proof, end } = await damageProof(commit);
  try {
    await assertDrawn(t, proof, 250, 1);
  } finally {
    end();
  }
});

test('a reader written from FORMAT.md alone refuses forty of them, and not the file itself', async () => {
  const file = await specimen();
  const python = () =>
    spawnSync('python3', [join(import.meta.dirname, '../fixtures/format_reader.py'), file.path], {
      encoding: 'utf8',
    });
  try {
    for (const damage of drawn(allDamages(file, commit), 40, commit)) {
      const { status, stdout } = await whileDamaged(file.path, file.bytes, damage, async () => python());
      assert.equal(status, 1, `${damage.kind}: ${damage.id}: ${stdout}`);
    }
    const { status, stderr } = python();
    assert.equal(status, 0, stderr);
  } finally {
    file.remove();
  }
});
