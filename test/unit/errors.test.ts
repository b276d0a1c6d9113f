import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeError, IvaapError } from '../../src/errors.ts';

test('an error with other detail keeps all else, and where it was thrown', () => {
  const detail = { hint: 'look', cause: new Error('why'), output: 'words', facts: ['a fact'], step: 'one' };
  const error = new IvaapError('failed', 'no luck', detail);
  const changed = error.with({ code: 'preflight', hint: undefined, log: '/a/log' });
  assert.deepEqual(describeError(changed), {
    ...describeError(error),
    code: 'preflight',
    exitCode: 3,
    log: '/a/log',
  });
  assert.equal(changed.stack, error.stack);
  assert.equal(error.code, 'failed');
});

test('a full table of open files is told of the process or of the host, whichever it is', () => {
  const said = (code: string) => {
    const { message, hint } = describeError(Object.assign(new Error(`${code}: no more`), { code }));
    return [message, hint];
  };
  assert.match(said('EMFILE').join(), /too low for this program,ulimit -n/);
  assert.match(said('ENFILE').join(), /open on this host,sysctl fs.file-nr/);
});
