import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { fakeK3s, inOwnMounts } from '../fixtures/own-mounts.ts';
import { runProgram } from '../fixtures/run-program.ts';
import { onTerminal } from '../fixtures/terminal.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';

/** The executable as it is delivered, at a terminal and without one; its k3s only says its version. */

const work = mkdtempSync('/var/lib/prompts-');
const payload = await makeTinyPayload({
  executable: builtExecutable(),
  product: {
    folder: join(work, 'product'),
    license: { secret: 'tiny-license', key: 'license.json' },
    entitlements: { TINY_CONNECTOR: { connector: 'alpha', enabledPath: ['alpha'] } },
  },
});
const k3s = fakeK3s({ kubectl: `echo '{"serverVersion":{"gitVersion":"v1.34.4+k3s1"},"items":[]}'` });
const license = join(work, 'license.json');
writeFileSync(license, '{"entitlements":["TINY_CONNECTOR"]}');
after(() => {
  payload.remove();
  k3s.remove();
  rmSync(work, { recursive: true });
});

const command = (...args: string[]) => inOwnMounts(k3s.mount, [payload.path, ...args]);
const quoted = (words: readonly string[]) =>
  words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');

test('the library is loaded from its chunk: a question is asked, and Ctrl-C is 130 with nothing written', async () => {
  using terminal = onTerminal(quoted(command('install')));
  await terminal.answer(/licence of Tiny/, `${license}\r`);
  await terminal.answer(/Under which name/, '\u0003');
  assert.equal(await terminal.exitCode(), 130, terminal.text);
  assert.match(terminal.text, /stopped at a question: nothing was changed/);
  assert.equal(existsSync(join(work, 'product')), false);
});

test('--print-answers prints on standard output alone what repeats the install, and asks only for what is missing', async () => {
  const file = join(work, 'printed.yaml');
  const typed = command(
    'install',
    '--print-answers',
    '--fqdn',
    'wells.example',
    '--storage-path',
    join(work, 'db'),
  );
  using terminal = onTerminal(`sh -c '${quoted(typed).replaceAll("'", `'\\''`)} > ${file}'`);
  await terminal.answer(/licence of Tiny/, `${license}\r`);
  await terminal.answer(/Which connectors/, '\r');
  assert.equal(await terminal.exitCode(), 0, terminal.text);
  const again = await runProgram(command('install', '--answers', file, '--print-answers'));
  assert.equal(again.exitCode, 0, again.stderr);
  assert.match(
    again.stdout,
    new RegExp(`license: ${license}\nfqdn: wells.example\nstoragePath: ${work}/db\nconnectors:\n  - alpha\n`),
  );
  assert.equal(existsSync(join(work, 'product')), false);
});

test('without a terminal all that is missing is named at once, as text and as JSON', async () => {
  const { exitCode, stderr } = await runProgram(command('install'));
  assert.equal(exitCode, 2);
  for (const part of ['--license FILE, or license:', '--fqdn NAME, or fqdn:', '--yes'])
    assert.ok(stderr.replaceAll(/\s+/g, ' ').includes(part), `${part} in ${stderr}`);
  const json = await runProgram(command('install', '--json', '--fqdn', 'wells.example'));
  const [line = ''] = json.stdout.trim().split('\n').slice(-1);
  const { error } = JSON.parse(line) as { error: { code: string; message: string; hint: string } };
  assert.deepEqual([json.exitCode, error.code], [2, 'usage']);
  assert.doesNotMatch(error.message, /--fqdn/);
  assert.match(error.hint, /install --json --fqdn wells\.example --license FILE --yes$/);
});

test('a terminal that hangs up at a question ends it, and nothing was written', async () => {
  const terminal = onTerminal(quoted(command('install')));
  await terminal.shows(/licence of Tiny/);
  const running = async () => (await runProgram(['pgrep', '-f', `^${payload.path} install$`])).exitCode === 0;
  assert.ok(await running());
  terminal[Symbol.dispose]();
  const end = Date.now() + 20_000;
  while (await running()) assert.ok(Date.now() < end, 'it waits for a terminal that is gone');
  assert.equal(existsSync(join(work, 'product')), false);
});

test('40 columns hold every line of a question', async () => {
  using terminal = onTerminal(quoted(command('install')), { columns: 40, rows: 15 });
  await terminal.answer(/licence of Tiny/, `${license}\r`);
  await terminal.shows(/Under which name/);
  for (const line of terminal.text.split('\n').filter((text) => !text.includes(license.slice(0, 9))))
    assert.ok([...line].length <= 40, line);
  terminal.type('\u0003');
  assert.equal(await terminal.exitCode(), 130);
});
