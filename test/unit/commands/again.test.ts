import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { typedAgain } from '../../../src/commands/again.ts';
import { readCommandLine } from '../../../src/commands/program.ts';
import { verifyCommand } from '../../../src/commands/verify.ts';
import { install } from '../../../src/commands/install.ts';
import { asRoot, asThisUser, sudoInScript, toEdit } from '../../../src/shell-word.ts';
import type { Change } from '../../../src/policy/again.ts';

const rows: [typed: string[], change: Change, again: string][] = [
  [['--upgrade', '--dry-run'], {}, './p install --upgrade --dry-run'],
  [['--upgrade', '--dry-run'], { add: ['--reapply'] }, './p install --upgrade --dry-run --reapply'],
  [['--reapply', '--upgrade'], { add: ['--reapply'] }, './p install --upgrade --reapply'],
  [
    ['--upgrade', '--skip-backup', '--reapply'],
    { without: ['--skip-backup'] },
    './p install --upgrade --reapply',
  ],
  [
    ['--upgrade', '--trust-key', 'aa', '--preflight-only'],
    { add: ['--trust-key unsigned'] },
    './p install --upgrade --preflight-only --trust-key unsigned',
  ],
  [['--trust-key=aa', '--upgrade'], { add: ['--trust-key bb'] }, './p install --upgrade --trust-key bb'],
  [
    ['--upgrade', '--waive', 'time=a b', "--waive=disk=it's full"],
    { add: ['--waive room=x'] },
    "./p install --upgrade --waive 'time=a b' '--waive=disk=it'\\''s full' --waive room=x",
  ],
  [['--fqdn', '--upgrade', '--dry-run'], { without: ['--fqdn'] }, './p install --dry-run'],
  [
    ['--license', 'my licence.json', '--values=../v.yaml', '--fqdn', 'a.b', '--storage-path', '/data'],
    { anywhere: true },
    `./p install --license '${resolve('my licence.json')}' ` +
      `--values=${resolve('../v.yaml')} --fqdn a.b --storage-path /data`,
  ],
  [
    ['--dry-run', '--upgrade'],
    { program: '/old place/p' },
    asThisUser("'/old place/p' install --dry-run --upgrade"),
  ],
  [['--upgrade'], { program: '/old/p', anywhere: true }, '/old/p install --upgrade'],
  [['./x.sql', 'x.sql'], { anywhere: true }, `./p install ${resolve('x.sql')} x.sql`],
];
for (const [typed, change, again] of rows) {
  test(`${typed.join(' ')} with ${JSON.stringify(change)}`, () => {
    assert.equal(typedAgain('./p', ['install', ...typed], install.options)(change), again);
  });
}

test('what follows -- stays behind what is added', () => {
  const again = typedAgain('./p', ['verify', '--', '--odd name'], verifyCommand.options);
  assert.equal(again({ add: ['--full'] }), "./p verify --full -- '--odd name'");
});

const context = {
  program: './p',
  signal: new AbortController().signal,
  secondSignal: new AbortController().signal,
};

/**
 * Refused as they are typed; following the hint must neither be refused again nor change what was not meant
 * to be changed.
 */
const refusals: [typed: string, hint: string][] = [
  ['install --upgrade --fqdn a.example --dry-run', './p install --upgrade --dry-run'],
  ['install --upgrade --values x --license y --preflight-only', './p install --upgrade --preflight-only'],
  ['install --upgrade --resume --dry-run --json', './p install --upgrade --dry-run --json'],
  ['install --force-conflicts --dry-run', './p install --force-conflicts --dry-run --upgrade'],
  [
    'install --trust-key unsigned --preflight-only',
    './p install --trust-key unsigned --preflight-only --upgrade',
  ],
  ['install --images-from disk --yes', './p install --images-from disk --yes --upgrade'],
  [
    'install --rollback-to values --fqdn a.example --skip-backup',
    './p install --rollback-to values --skip-backup',
  ],
  ['install --rollback-to values --reapply', './p install --rollback-to values'],
  ['install --accept-data-loss --yes', './p install --yes'],
];
for (const [typed, wanted] of refusals) {
  test(`the hint to "${typed}" can be typed and keeps the other flags`, async () => {
    const hint = asThisUser(wanted);
    await assert.rejects(readCommandLine(typed.split(' '), context), { code: 'usage', hint });
    const read = await readCommandLine(wanted.split(' ').slice(1), context);
    assert.ok(read !== undefined);
  });
}

/** Who runs it, who is behind sudo, a command of root's, and one that needs root where this one did. */
const readers: [uid: number, sudoUser: string | undefined, asRoot: string, asThisUser: string][] = [
  [0, undefined, './p', './p'],
  [0, 'root', './p', './p'],
  [0, 'olga', 'sudo ./p', 'sudo ./p'],
  [1000, undefined, 'sudo ./p', './p'],
  // A shell that another user opened as themselves, below a shell by sudo.
  [1000, 'root', 'sudo ./p', './p'],
];
test("sudo is printed where the shell of whoever reads it is not root's", () => {
  const { geteuid } = process;
  const before = process.env['SUDO_USER'];
  try {
    for (const [uid, sudoUser, root, again] of readers) {
      process.geteuid = () => uid;
      delete process.env['SUDO_USER'];
      if (sudoUser !== undefined) process.env['SUDO_USER'] = sudoUser;
      assert.deepEqual([asRoot('./p'), asThisUser('./p')], [root, again]);
      assert.equal(toEdit('/a b'), root === './p' ? "${EDITOR:-vi} '/a b'" : "sudoedit '/a b'");
    }
  } finally {
    process.geteuid = geteuid;
    delete process.env['SUDO_USER'];
    if (before !== undefined) process.env['SUDO_USER'] = before;
  }
});

test('a script decides the same when it runs', () => {
  for (const [sudoUser, printed] of [
    [{}, '.'],
    [{ SUDO_USER: 'root' }, '.'],
    [{ SUDO_USER: 'olga' }, 'sudo .'],
  ] as const) {
    const script = `set -eu\n${sudoInScript}\nprintf %s. "$sudo"`;
    assert.equal(execFileSync('sh', ['-c', script], { env: sudoUser, encoding: 'utf8' }), printed);
  }
});
