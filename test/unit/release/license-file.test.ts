import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { objectionOf } from '../../../src/flows/install/questions.ts';
import { readLicense } from '../../../src/release/license-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'license-'));
after(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);
mkdirSync(at('folder'));
symlinkSync(at('loop'), at('loop'));
writeFileSync(at('empty'), '');
writeFileSync(at('large'), Buffer.alloc(9 * 1024 * 1024, 'a'));

const rows: [name: string, why: RegExp][] = [
  ['missing', /cannot be read: no such file$/],
  ['empty/below', /cannot be read: no such file: a part of its path is no folder$/],
  ['loop', /cannot be read: its links lead in a circle$/],
  ['x'.repeat(300), /cannot be read: no such file: its name is too long$/],
  ['folder', /cannot be read: .*it is a folder and not a regular file/],
  ['empty', /is empty$/],
  ['large', /cannot be read: .*bytes, more than/],
];
for (const [name, why] of rows) {
  test(`the licence question says in words what is wrong: ${name.slice(0, 20)}`, async () => {
    const product = { name: 'tiny', entitlements: {} };
    const said = await objectionOf(() => readLicense(at(name), product, new Date()));
    assert.match(said ?? '', why);
    assert.doesNotMatch(said ?? '', /\bE[A-Z]{4,}\b|syscall|, (open|stat) /);
  });
}
