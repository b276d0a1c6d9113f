import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commands } from '../../../src/commands/commands.ts';
import { readCommandLine } from '../../../src/commands/program.ts';
import { IvaapError } from '../../../src/errors.ts';

/**
 * A flag that no host would accept is refused with the command line, before the payload or a terminal is
 * needed.
 */

const context = {
  program: './p',
  signal: new AbortController().signal,
  secondSignal: new AbortController().signal,
};

const refusalOf = (...words: string[]) => refused('install', ...words);

async function refused(...words: string[]): Promise<IvaapError | undefined> {
  try {
    await readCommandLine(words, context);
    return undefined;
  } catch (error) {
    assert.ok(error instanceof IvaapError, String(error));
    assert.equal(error.code, 'usage');
    assert.notEqual(error.hint, undefined);
    return error;
  }
}

test('a waiver without id or reason', async () => {
  for (const flow of [[], ['--upgrade']]) {
    for (const waiver of ['clock', 'clock=', 'clock= ', 'room:/opt']) {
      const error = await refusalOf(...flow, '--waive', 'pods=known', '--waive', waiver);
      const id = waiver.replace(/=.*/, '');
      assert.equal(error?.message, `--waive ${id} needs a reason, which is recorded: --waive ${id}=REASON`);
      assert.equal(error.hint, `--waive ${id}=REASON`);
    }
    for (const waiver of ['=', '=reason'])
      assert.equal(
        (await refusalOf(...flow, '--waive', waiver))?.message,
        `--waive ${waiver} names no check`,
      );
    assert.equal(await refusalOf(...flow, '--waive', 'clock=a=b'), undefined);
  }
});

test('a host name, a folder and a key that cannot be', async () => {
  for (const name of ['10.0.0.1', 'Wells.Example', 'a b'])
    assert.match((await refusalOf('--fqdn', name))?.message ?? '', /^--fqdn .*(host name|IP address)/);
  for (const folder of ['here', '/srv/../etc', '/'])
    assert.match(
      (await refusalOf('--storage-path', folder))?.message ?? '',
      /is not an absolute, normalized/,
    );
  assert.equal(await refusalOf('--fqdn', 'wells.example', '--storage-path', '/srv/db'), undefined);
  assert.match((await refusalOf('--upgrade', '--trust-key', 'x'))?.message ?? '', /trust-key|key/);
});

/** Every flag that takes a value, with the command before it and what stands for its value. */
const withValue = (
  await Promise.all(
    commands.map(async ({ name, load }) =>
      ((await load()).options ?? []).map(({ flags }) => ({ name, flag: /--\S+(?= [<[])/.exec(flags)?.[0] })),
    ),
  )
)
  .flat()
  .flatMap(({ name, flag }) => (flag === undefined ? [] : [[name, flag] as const]));

test('no flag of any command takes an empty value', async () => {
  assert.ok(withValue.length > 15, String(withValue.length));
  for (const [name, flag] of withValue) {
    assert.equal((await refused(name, flag, ''))?.message, `the value of ${flag} is empty`);
    assert.equal((await refused(name, `${flag}=`))?.message, `the value of ${flag} is empty`);
  }
  assert.equal((await refused('extract', ''))?.message, 'an argument is empty');
});

test('what a screen would not show is refused, and shown', async () => {
  const words: [typed: string, shown: string][] = [
    ['ivaap\r', 'ivaap\\u{d}'],
    ['/srv/a\nb', '/srv/a\\u{a}b'],
    ['27000@a\u001B[31m', '27000@a\\u{1b}[31m'],
    ['/srv/\u202Ebd', '/srv/\\u{202e}bd'],
    ['/srv/\u200Bdb', '/srv/\\u{200b}db'],
  ];
  for (const [name, flag] of withValue) {
    for (const [typed, shown] of words)
      assert.equal(
        (await refused(name, flag, typed))?.message,
        `an argument holds characters that a screen does not show: "${shown}"`,
      );
  }
});
