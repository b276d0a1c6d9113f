import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { pathPlaces } from '../../../src/policy/path-names.ts';
import { sealedFor } from '../../../src/policy/sealed-text.ts';
import { launcherText } from '../../../src/release/launcher.ts';

/** The launcher on PATH, run by this machine's own shell. */

const root = mkdtempSync(join(tmpdir(), 'launcher-'));
// Another user starts it, too.
chmodSync(root, 0o755);
after(() => rmSync(root, { recursive: true }));

const product = { name: 'tiny', command: 'tiny', onPath: { prefix: root, kubectl: 'tk' } };
const { bin, folder, active } = pathPlaces(product);
const launcher = join(bin, 'tk');

beforeEach(() => {
  for (const path of [bin, folder]) {
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }
  writeFileSync(launcher, launcherText(product, 'tk'), { mode: 0o755 });
  symlinkSync('active', join(folder, 'tk'));
});

const typed = (args: readonly string[], options: { uid?: number; env?: Record<string, string> } = {}) => {
  const { status, stdout, stderr } = spawnSync(launcher, args, { encoding: 'utf8', ...options });
  return { status, stdout, stderr };
};

test('it is sealed, and becomes the executable with every word as it was typed', () => {
  assert.equal(sealedFor(launcherText(product, 'tk')), 'tiny');
  const program = join(root, 'program');
  writeFileSync(program, '#!/bin/sh\nprintf "%s|" "${0##*/}" "$@"; exit 7\n', { mode: 0o755 });
  symlinkSync(program, active);
  // Also where PATH and all else is empty.
  for (const options of [{}, { env: {} }])
    assert.deepEqual(typed(['a  b', '$HOME', "it's", ''], options), {
      status: 7,
      stdout: "tk|a  b|$HOME|it's||",
      stderr: '',
    });
});

test('an executable that is gone is named, with the command for root and for others', () => {
  symlinkSync('/gone/tiny', active);
  assert.deepEqual(typed(['get', 'pods']), {
    status: 4,
    stdout: '',
    stderr:
      'error: /gone/tiny, which `tiny activate` put on PATH, is gone or cannot be executed\n' +
      'try: ./tiny activate, in the folder of a package; to remove the names: add --undo\n',
  });
  const bySudo = typed([], { env: { SUDO_USER: 'olga' } });
  assert.match(bySudo.stderr, /\ntry: sudo \.\/tiny activate, in/);
  const { status, stderr } = typed([], { uid: 65_534 });
  assert.equal(status, 4);
  assert.equal(stderr, 'error: /gone/tiny is gone, or only root may execute it\ntry: sudo tk\n');
  rmSync(active);
  assert.match(typed([]).stderr, /-activated\/active, which `tiny activate` put on PATH, is gone/);
});
