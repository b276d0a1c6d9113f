import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commands } from '../../../src/commands/commands.ts';
import { programs } from '../../../src/commands/programs.ts';
import { completionText, shareFiles } from '../../../src/commands/share-files.ts';
import { sealedFor } from '../../../src/policy/sealed-text.ts';
import { tinyProduct } from '../../fixtures/tiny-payload.ts';

/** Completions by a real bash; those for other shells by these shells, where the machine has them. */

const tables = { commands, programs };
const product = { ...tinyProduct, onPath: { kubectl: 'tk' }, version: '2026.1' };
const folder = mkdtempSync(join(tmpdir(), 'completion-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'bash'), await completionText('bash', product, tables));
writeFileSync(join(folder, 'a file'), '');

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const name = `_${words[0]}_completion`;
  const script = `source ${folder}/bash; cd ${folder}; COMP_WORDS=("$@")
    COMP_CWORD=$(($# - 1)); ${name}; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-uc', script, 'bash', ...words], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '', words.join(' '));
  return stdout.split('\n').filter((word) => word !== '');
}

test('bash completes commands, flags of the command alone, their words, and files', () => {
  const all = offered('tiny', '');
  for (const { name } of commands) assert.ok(all.includes(name), name);
  assert.deepEqual(offered('tiny', 'inst'), ['install']);
  assert.deepEqual(offered('tiny', 'install', '--upg'), ['--upgrade']);
  assert.deepEqual(offered('tiny', 'status', '--upg'), []);
  assert.deepEqual(offered('tiny', 'install', '--images-from', ''), ['auto', 'disk', 'payload']);
  // As bash breaks `--images-from=d` into words.
  assert.deepEqual(offered('tiny', 'install', '--images-from', '=', 'd'), ['disk']);
  assert.deepEqual(offered('tiny', 'install', '--license', 'a'), ['a file']);
  assert.deepEqual(offered('tiny', 'verify', 'a'), ['a file']);
  assert.deepEqual(offered('tiny', 'completion', 'z'), ['zsh']);
  assert.deepEqual(offered('tiny', '--json', 'status', '--wa'), offered('tiny', 'status', '--wa'));
});

test('all flags of a command are offered but those that its help hides', async () => {
  for (const { name, load } of commands) {
    const { options } = await load();
    const flags = options.filter(({ hidden }) => hidden !== true).map(({ flags: text }) => text);
    const names = flags.map((text) => /--[a-z-]+/.exec(text)?.[0] ?? text);
    assert.deepEqual(offered('tiny', name, '--').toSorted(), [...names, '--help'].toSorted(), name);
  }
});

test('bash completes the other names, too', () => {
  assert.deepEqual(offered('tk', 'ti'), ['tiny']);
  assert.deepEqual(offered('tk', 'tiny', 'desc'), ['describe']);
  assert.deepEqual(offered('tk', 'get', 'desc'), []);
  assert.deepEqual(offered('tiny_pgdump', '--j'), ['--json']);
  assert.deepEqual(offered('tiny_pgdump', 'a'), ['a file']);
});

test('every file that is placed bears its seal, and every shell that is here reads its own', async () => {
  const files = await shareFiles(tables)(product);
  assert.equal(new Set(files.map(({ path }) => path)).size, files.length);
  for (const { path, text } of files) assert.equal(sealedFor(text), 'tiny', path);
  const shells: [string, string, string[]][] = [
    ['bash', 'bash-completion', ['-n']],
    ['zsh', 'zsh/', ['-n']],
    ['fish', 'fish/', ['--no-execute']],
  ];
  for (const [shell, part, flags] of shells) {
    const own = files.filter(({ path }) => path.includes(part));
    assert.equal(own.length, 3, shell);
    for (const { path, text } of own) {
      // Quotes in every line are closed: a summary with an apostrophe would open one.
      if (shell !== 'bash') {
        for (const line of text.split('\n')) {
          const plain = shell === 'fish' ? line.replaceAll("\\'", '') : line.replaceAll(`'\\''`, '');
          assert.equal(plain.split("'").length % 2, 1, line);
        }
      }
      const file = join(folder, 'one');
      writeFileSync(file, text);
      const { error, status, stderr } = spawnSync(shell, [...flags, file], { encoding: 'utf8' });
      if (error === undefined) assert.deepEqual([status, stderr], [0, ''], path);
      else assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
    }
  }
});

test('no shell is given the same command twice in a row, nor a rule twice', async () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const lines = (await completionText(shell, product, tables)).split('\n').map((line) => line.trim());
    for (const line of lines) {
      const statements = line.split(/;;?|\) /).map((one) => one.trim());
      for (const [place, one] of statements.entries()) {
        if (one !== '') assert.notEqual(one, statements[place - 1], `${shell}: ${line}`);
      }
    }
    const rules = lines.filter((line) => line.startsWith('complete '));
    assert.equal(new Set(rules).size, rules.length, shell);
  }
});

test('a man page for each command and each name, which groff reads without a warning', async () => {
  const pages = (await shareFiles(tables)(product)).filter(({ path }) => path.endsWith('.8'));
  const names = pages.map(({ path }) => path.replace(/^.*\/(.*)\.8$/, '$1'));
  assert.deepEqual(
    names.toSorted(),
    ['tiny', ...commands.map(({ name }) => `tiny-${name}`), 'tk', 'tiny_pgdump'].toSorted(),
  );
  for (const { path, text } of pages) {
    assert.match(text, /^\.TH "[^"]+" 8 "" "Tiny 2026\.1" "Tiny"$/m, path);
    for (const line of text.split('\n').filter((one) => one.startsWith('.')))
      assert.match(line, /^\.(\\"|TH|SH|TP|PP|B|BR|I)( |$)/, path);
    const { error, stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww'], {
      input: text,
      encoding: 'utf8',
    });
    if (error !== undefined) continue;
    assert.equal(stderr, '', path);
    assert.match(stdout.replaceAll(/.\u0008/g, ''), /^NAME$/m, path);
  }
  const page = pages.find(({ path }) => path.endsWith('tiny-install.8'))?.text ?? '';
  assert.match(page, /^\.B "\\-\\-images\\-from <source>"$/m);
  assert.match(page, /one of auto, disk, payload$/m);
});
