import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { builtExecutable } from '../fixtures/built-executable.ts';
import type { Forgery } from '../fixtures/forged-payload.ts';
import { forge } from '../fixtures/forged-payload.ts';
import type { TinyPayload } from '../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

const limitMs = 30_000;

describe('an executable whose payload somebody forged', () => {
  let tiny: TinyPayload;
  let file: string;
  let folder: string;
  before(async () => {
    tiny = await makeTinyPayload({ executable: builtExecutable(), keys: 'none' });
    file = join(tiny.folder, 'forged');
    folder = join(tiny.folder, 'stage');
    mkdirSync(folder);
  });
  after(() => tiny.remove());

  const forgeries: [what: string, forgery: Forgery, message: RegExp][] = [
    [
      'a name that leaves the folder',
      { index: ({ entries }) => void (entries[3]!.name = '../evil') },
      /entries\.3\.name/,
    ],
    ['a setuid tool', { index: ({ entries }) => void (entries.at(-1)!.mode = 0o4755) }, /\.mode/],
    [
      'a text that steers the terminal',
      { index: (index) => void (index.version = '1\u001b[2J') },
      /control characters/,
    ],
    ['a key twice', { text: (text) => text.replace('{', '{"version":"2099.1",') }, /a duplicate key/],
    [
      'an index of 300 MB',
      { trailer: (trailer) => void (trailer.indexLength = 300_000_000) },
      /300000000 bytes/,
    ],
    [
      'a newer format',
      { comment: (text) => text.replace('payload 1', 'payload 2') },
      /format 2 by its trailer/,
    ],
    [
      'a zip directory of links',
      {
        directory: (directory) => {
          directory.writeUInt32LE(0o120777 * 2 ** 16, 38);
          return directory;
        },
      },
      /zip directory/,
    ],
  ];
  for (const [what, forgery, message] of forgeries)
    it(`with ${what} ends with 4 and writes nothing, by itself and by another copy`, () => {
      forge(tiny, file, forgery);
      for (const [program, ...args] of [
        [file, 'extract', 'out'],
        [file, 'verify'],
        [file, 'install', '--upgrade'],
        [tiny.path, 'verify', file],
      ] as const) {
        const { status, stdout, stderr } = spawnSync(program, args, {
          cwd: folder,
          encoding: 'utf8',
          timeout: limitMs,
        });
        assert.equal(status, 4, `${args.join(' ')}: ${stdout}${stderr}`);
        assert.match(stderr, message);
        assert.doesNotMatch(stdout + stderr, /\u001b\[2J/);
        assert.deepEqual(readdirSync(folder), []);
      }
    });
});
