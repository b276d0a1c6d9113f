import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { parse } from 'yaml';
import {
  guideDestructiveSteps,
  guideExclusions,
  guideFlags,
  guideLines,
  guideUpgradeSteps,
} from '../../fixtures/guide-names.ts';
import { commands } from '../../../src/commands/commands.ts';
import { readCommandLine } from '../../../src/commands/program.ts';
import { programs } from '../../../src/commands/programs.ts';
import { installSteps } from '../../../src/flows/install/steps.ts';
import { upgradeSteps } from '../../../src/flows/upgrade/steps.ts';
import { productSchema } from '../../../src/payload/product-schema.ts';

/** Whatever the operators' guide names can be typed: it is in the table of commands and in the help. */

const root = join(import.meta.dirname, '../../..');
const product = productSchema.parse(
  parse(readFileSync(join(root, 'payload-spec/ivaap/product.yaml'), 'utf8')),
);

/** What `--help` of each command prints, the general one under ''; one process prints all of them. */
const helps = new Map<string, string>();
before(() => {
  const asked = ['', ...commands.map(({ name }) => name)];
  const script = `
    const { readCommandLine } = await import(${JSON.stringify(join(root, 'src/commands/program.ts'))});
    const { signal } = new AbortController();
    process.stdout.columns = 200;
    for (const name of ${JSON.stringify(asked)}) {
      await readCommandLine([name, '--help'].filter(Boolean), { program: './p', signal, secondSignal: signal });
      process.stdout.write('\\0');
    }
  `;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  for (const [at, text] of printed.split('\0').slice(0, -1).entries()) helps.set(asked[at] ?? '', text);
  assert.equal(helps.size, asked.length);
});
const help = (name: string) => helps.get(name) ?? '';

/** Commands that are names of their own on PATH, as the product's data has them. */
const ownNames: Record<string, string> = { ki: 'kubectl', ivaap_pgdump: 'pgDump' };

test('every command line of the guide is a command with these flags, in the table and in its help', async () => {
  const general = help('');
  for (const { line, names } of guideLines) {
    if (names.command === 'kubectl') continue; // The cluster's own.
    if (names.command === '-v') {
      assert.match(general, /-v, --version/, line);
      continue;
    }
    const own = ownNames[names.command];
    if (own !== undefined) {
      assert.ok(own in programs, line);
      assert.equal(product.onPath?.[own as 'kubectl' | 'pgDump'], names.command, line);
      continue;
    }
    const entry = commands.find(({ name }) => name === names.command);
    assert.ok(entry !== undefined, line);
    assert.match(general, new RegExp(`^ +${names.command}\\b`, 'm'), line);
    const { options } = await entry.load();
    const text = help(names.command);
    for (const flag of names.flags) {
      const known = options
        .filter(({ hidden }) => hidden !== true)
        .flatMap(({ flags }) => flags.split(/[ ,]+/));
      assert.ok(known.includes(flag), `${line}: ${flag} is no flag`);
      assert.match(text, new RegExp(`^ +(-\\w, )?${flag}\\b`, 'm'), line);
    }
  }
});

test('every flag that the guide names is a flag of install, in the table and in the help', async () => {
  const install = commands.find(({ name }) => name === 'install');
  const { options } = await install!.load();
  const known = options.filter(({ hidden }) => hidden !== true).flatMap(({ flags }) => flags.split(/[ ,]+/));
  const text = help('install');
  for (const flag of guideFlags) {
    assert.ok(known.includes(flag), flag);
    assert.match(text, new RegExp(`^ +(-\\w, )?${flag}\\b`, 'm'), flag);
  }
});

test('the flags that the guide says exclude --upgrade do, in either order', async () => {
  const { signal } = new AbortController();
  const context = { program: './p', signal, secondSignal: signal };
  for (const flag of guideExclusions) {
    const words = flag === '--rollback-to' ? [flag, 'postgres'] : [flag];
    for (const typed of [
      ['install', '--upgrade', ...words],
      ['install', ...words, '--upgrade'],
    ])
      await assert.rejects(readCommandLine(typed, context), { code: 'usage' }, typed.join(' '));
  }
});

test('the steps of an upgrade are those of the guide, in its order, and the help lists them', () => {
  assert.deepEqual(
    upgradeSteps(product).map(({ id }) => id),
    guideUpgradeSteps,
  );
  const text = help('install');
  for (const id of guideUpgradeSteps.filter((step) => !step.startsWith('upgrade_health_')))
    assert.match(text, new RegExp(`^ +${id}\\b`, 'm'), id);
});

test('the steps that the guide calls destructive to undo are steps of an install', () => {
  const ids = installSteps(product).map(({ id }) => id);
  const text = help('install');
  for (const id of guideDestructiveSteps) {
    assert.ok(ids.includes(id), id);
    assert.match(text, new RegExp(`^ +${id}\\b`, 'm'), id);
  }
});
