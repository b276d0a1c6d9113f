import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tarMembers } from '../../../build/tar-members.ts';

describe('the members of a tar', () => {
  let folder: string;
  const long = `${'folder/'.repeat(30)}${'n'.repeat(120)}`;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tar-members-'));
    mkdirSync(join(folder, 'in', long, '..'), { recursive: true });
    writeFileSync(join(folder, 'in/small'), 'small');
    writeFileSync(join(folder, 'in/empty'), '');
    writeFileSync(join(folder, 'in', long), 'long');
    symlinkSync('../small', join(folder, 'in/folder/link'));
    linkSync(join(folder, 'in/small'), join(folder, 'in/zhard'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const format of ['gnu', 'pax', 'posix'])
    it(`are found in what tar writes as ${format}, links and long names too`, async () => {
      const path = join(folder, `${format}.tar`);
      execFileSync('tar', [`--format=${format}`, '--sort=name', '-C', join(folder, 'in'), '-cf', path, '.']);
      const members = await tarMembers(path);
      const bytes = readFileSync(path);
      const read = Object.fromEntries(
        [...members].map(([name, { offset, size }]) => [name, bytes.toString('utf8', offset, offset + size)]),
      );
      assert.deepEqual(read, {
        empty: '',
        small: 'small',
        zhard: 'small',
        'folder/link': 'small',
        [long]: 'long',
      });
    });

  it('of a tar that was cut off are not given out', async () => {
    const path = join(folder, 'gnu.tar');
    const { offset } = (await tarMembers(path)).get('small')!;
    for (const length of [offset + 2, offset - 100]) {
      truncateSync(path, length);
      await assert.rejects(tarMembers(path), /was cut off/);
    }
  });
});
