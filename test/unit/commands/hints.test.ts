import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { activateCommand } from '../../../src/commands/activate.ts';
import { typedAgain } from '../../../src/commands/again.ts';
import { install } from '../../../src/commands/install.ts';
import { licenseCheck } from '../../../src/commands/license-check.ts';
import { readCommandLine } from '../../../src/commands/program.ts';
import { restore } from '../../../src/commands/restore.ts';
import { uninstall } from '../../../src/commands/uninstall.ts';
import { freshFlags, upgradeFlags } from '../../../src/policy/again.ts';
import { reportCommand } from '../../../src/commands/report.ts';
import { verifyCommand } from '../../../src/commands/verify.ts';

/**
 * Every command that src/ tells people to type, by whatever name the program has there, goes through the
 * parser.
 */

const src = join(import.meta.dirname, '../../../src');
const sources = globSync('**/*.ts', { cwd: src }).map(
  (file) => [file, readFileSync(join(src, file), 'utf8')] as const,
);
const context = {
  program: './p',
  signal: new AbortController().signal,
  secondSignal: new AbortController().signal,
};
const parses = async (words: readonly string[], where: string) => {
  // Help is printed by the parser itself.
  const asked = words.filter((word) => word !== '--help');
  await assert.doesNotReject(readCommandLine(asked, context), `${where}: ${words.join(' ')}`);
};

const names =
  'install|uninstall|status|manifest|extract-file|extract|verify|repair-state|license-check|activate';
const argument = String.raw`--[a-z-]+|\$\{[^}]*\}|[A-Z]{2,}|[a-z]+=[a-z]+`;
const spelled = new RegExp(
  String.raw`\$\{[\w.!?]*(?:program|command|binary)\} ((?:${names})\b(?: (?:${argument}))*)`,
  'gi',
);
const hints = sources.flatMap(([file, text]) =>
  [...text.matchAll(spelled)].map(([, words = '']) => [file, words] as const),
);

test('every command that a text spells out is one', async () => {
  assert.ok(hints.length >= 5, `${hints.length} found`);
  for (const [file, words] of hints)
    await parses(
      words.split(' ').map((word) => word.replace(/^\$\{.*/, 'x')),
      file,
    );
});

test('no text spells out install: what was typed is typed again, with the flags that were there', () => {
  // Help and examples are written without what was typed; after `activate`, in `status` and in a
  // support bundle, nothing of an install was typed.
  const spelledOut = hints.filter(
    ([file, words]) =>
      /^install\b/.test(words) &&
      !words.endsWith('--help') &&
      !/^(flows\/activate\/|support\/|queries\/(ways-out|kept-data)\.ts)/.test(file),
  );
  assert.deepEqual(spelledOut, []);
});

const typed: readonly (readonly string[])[] = [
  ['install', '--upgrade', '--dry-run'],
  ['install', '--upgrade', '--preflight-only', '--waive', 'clock=a reason'],
  ['install', '--upgrade', '--skip-backup', '--json'],
  ['install', '--upgrade', '--trust-key', 'unsigned'],
];
/** Hints of a query are typed after its own command. */
const typedThere = new Map<string, readonly (readonly string[])[]>([
  ['queries/license-check.ts', [['license-check'], ['license-check', '--license', 'old.lic', '--json']]],
  ['flows/activate/activate.ts', [['activate'], ['activate', '--trust-key', 'unsigned', '--json']]],
  ['queries/run-report.ts', [['report'], ['report', '--output', 'old.html', '--json']]],
  ['commands/report.ts', [['report'], ['report', '--output', 'old.json', '--json']]],
  ['commands/activate.ts', [['activate', '--undo', '--copy', '--json']]],
]);
const uninstalls = [['uninstall'], ['uninstall', '--dry-run', '--json', '--keep-data']];
const restores = [['restore'], ['restore', 'before', '--dry-run', '--json', '--skip-backup']];
for (const [file] of sources.filter(([path]) => /^(flows\/uninstall\/|steps\/uninstall_)/.test(path)))
  typedThere.set(file, uninstalls);
for (const [file] of sources.filter(([path]) => /^(flows\/restore\/|steps\/restore_)/.test(path)))
  typedThere.set(file, restores);
typedThere.set('queries/given-dump.ts', restores);
typedThere.set('flows/typed-name.ts', [...uninstalls, ...restores]);
const optionsOf = {
  install: install.options,
  restore: restore.options,
  uninstall: uninstall.options,
  'license-check': licenseCheck.options,
  activate: activateCommand.options,
  report: reportCommand.options,
};
const added = /again\(\{([^()]*)\}\)/g;
test('every change of what was typed that a hint makes gives a command, and drops no flag that it does not name', async () => {
  let changes = 0;
  for (const [file, text] of sources) {
    for (const [, change = ''] of text.matchAll(added)) {
      const add = [...(/add: \[([^\]]*)\]/.exec(change)?.[1] ?? '').matchAll(/['`]([^'`]+)['`]/g)]
        .map(([, flag = '']) =>
          flag
            .replaceAll(/\$\{[^}]*\}/g, 'unsigned')
            .replace('FINGERPRINT', 'unsigned')
            .replace('VERSION', '2026.1')
            .replace('NUMBER', '3'),
        )
        .filter((flag) => flag.startsWith('--'));
      const without = [...(/without: \[([^\]]*)\]/.exec(change)?.[1] ?? '').matchAll(/'([^']+)'/g)].map(
        ([, flag = '']) => flag,
      );
      if (/without: [^}]*freshFlags/.test(change)) without.push(...freshFlags);
      if (/without: [^}]*upgradeFlags/.test(change)) without.push(...upgradeFlags);
      changes += 1;
      for (const words of typedThere.get(file) ?? typed) {
        const options = optionsOf[words[0] as keyof typeof optionsOf] ?? verifyCommand.options;
        const again = typedAgain('./p', words, options)({ add, without });
        for (const flag of ['--dry-run', '--preflight-only', '--json'])
          if (words.includes(flag)) assert.match(again, new RegExp(`${flag}( |$)`), file);
        const plain = again.replaceAll("'", '').replace('a reason', 'reason').split(' ').slice(1);
        await parses(plain, file);
      }
    }
  }
  assert.ok(changes >= 8, `${changes} found`);
});

test('a hint to somebody without root has all that was typed, and no word of a change where nothing is changed', () => {
  for (const [file, text] of sources) {
    for (const [call] of text.matchAll(/assertRoot\([^;]*;/g)) {
      if (file === 'host/system.ts') continue;
      assert.match(call, /^assertRoot\((\w+\.)?again\(\)/, file);
    }
  }
});
