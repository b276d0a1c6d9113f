import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { extractTarget } from '../../../src/payload/extract-file.ts';
import { openPayload } from '../../../src/payload/open-payload.ts';
import { parseLicense } from '../../../src/policy/entitlements.ts';
import { quotedWord, shellWord } from '../../../src/shell-word.ts';

/** Whatever a path has in it, a command that names it works as typed. */

const folder = mkdtempSync(join(tmpdir(), "it's a 'folder' $HOME "));
after(() => rmSync(folder, { recursive: true }));

const hintOf = async (failing: Promise<unknown>): Promise<string> => {
  const error = await failing.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof IvaapError);
  return error.hint ?? '';
};
const shell = (line: string) => execFileSync('sh', ['-c', line], { encoding: 'utf8', stdio: 'pipe' });

test('a shell takes every word for the one that was meant', () => {
  for (const word of [
    'plain/path.x',
    'a b',
    "it's",
    '$HOME',
    '`id`',
    'a"b',
    '*',
    '',
    '~/x',
    'a\nb',
    'ü',
    '--flag=a b',
  ]) {
    assert.equal(shell(`printf '%s.' ${quotedWord(word)}`), `${word}.`);
  }
});

test('no program takes a path for an option of its own', () => {
  for (const name of ['--x.json', '-rf', '-a b', '-', '--']) {
    writeFileSync(join(folder, name), 'here');
    assert.equal(shell(`cd ${shellWord(folder)} && cat ${shellWord(name)}`), 'here');
  }
});

test('a licence whose name begins like an option is looked at by the command that is named for it', () => {
  assert.throws(
    () => parseLicense('no licence\n', '--x.json'),
    (error) => error instanceof IvaapError && error.hint === 'file ./--x.json',
  );
});

test('a folder that is missing is made by the command that is named for it', async () => {
  const missing = join(folder, 'not there');
  const hint = await hintOf(
    extractTarget(join(missing, 'x'), 'x', { ourselves: '/proc/self/exe', asRoot: 'sudo x' }),
  );
  assert.match(hint, /mkdir -p/);
  shell(/mkdir -p .*/.exec(hint)?.[0] ?? 'false');
  assert.ok(existsSync(missing));
});

test('a file that cannot be opened is looked at by the command that is named for it', async () => {
  const hint = await hintOf(openPayload(join(folder, 'no such file')));
  assert.equal(hint, `ls -ld ${shellWord(join(folder, 'no such file'))}`);
});

const src = join(import.meta.dirname, '../../../src');
const programs =
  'ls -\\w+|df(?: -\\w)?|findmnt(?: -T)?|mkdir -p|chown -h root|chmod [\\w+-]+|rm|mount(?: ' +
  '-o [\\w,]+)?|lsattr -d|chattr -i|fuser -v|find|readlink -f|--values';
const unquoted = new RegExp(`(?:^|[^\\w-])(?:${programs}) \\$\\{(?!shellWord\\()[^}]*\\}`, 'g');

test('no text puts a path into a command as it is', () => {
  const found = globSync('**/*.ts', { cwd: src })
    .flatMap((file) =>
      (readFileSync(join(src, file), 'utf8').match(unquoted) ?? []).map((text) => `${file}: ${text}`),
    )
    .sort();
  assert.deepEqual(found, []);
});

/** Its texts are what `ki` runs; the others name a program to people. */
const notTyped = /^(commands\/(kubectl|programs)|host\/containerd|support\/collectors)/;
const onlyRoot =
  /(?<!sudo )\b(?:k3s (?:kubectl|ctr|crictl)|systemctl (?:start|stop|restart|status|cat)|u?mount (?:-o \S+ )?\$\{)/;

test('every command of a text that only root can use is printed for root', () => {
  const found = globSync('**/*.ts', { cwd: src })
    .filter((file) => !notTyped.test(file))
    .flatMap((file) =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line))
        .filter((line) => onlyRoot.test(line.replaceAll('asRoot(`', 'asRoot(`sudo ')))
        .map((line) => `${file}: ${line.trim()}`),
    );
  assert.deepEqual(found, []);
});

test("sudo stands in no text by itself: a shell of root's needs none, and a host may have none", () => {
  const found = globSync('**/*.ts', { cwd: src })
    .filter((file) => file !== 'shell-word.ts')
    .flatMap((file) =>
      readFileSync(join(src, file), 'utf8')
        .split('\n')
        .filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line))
        .filter((line) => /\bsudo(?:edit)? (?!does |looks |\} from)\S/.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
  assert.deepEqual(found, []);
});
