import assert from 'node:assert/strict';
import { test } from 'node:test';
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

async function refusalOf(...words: string[]): Promise<IvaapError | undefined> {
  try {
    await readCommandLine(['install', ...words], context);
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
    for (const waiver of ['', '=', '=reason'])
      assert.equal(
        (await refusalOf(...flow, '--waive', waiver))?.message,
        `--waive ${waiver} names no check`,
      );
    assert.equal(await refusalOf(...flow, '--waive', 'clock=a=b'), undefined);
  }
});

test('a host name, a folder and a key that cannot be', async () => {
  for (const name of ['10.0.0.1', 'Wells.Example', 'a b', ''])
    assert.match((await refusalOf('--fqdn', name))?.message ?? '', /^--fqdn .*(host name|IP address)/);
  for (const folder of ['here', '/srv/../etc', '/', ''])
    assert.match(
      (await refusalOf('--storage-path', folder))?.message ?? '',
      /is not an absolute, normalized/,
    );
  assert.equal(await refusalOf('--fqdn', 'wells.example', '--storage-path', '/srv/db'), undefined);
  assert.match((await refusalOf('--upgrade', '--trust-key', 'x'))?.message ?? '', /trust-key|key/);
});
