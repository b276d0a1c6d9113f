import assert from 'node:assert/strict';
import { createWriteStream } from 'node:fs';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { assertWritten } from '../../../src/ui/answer.ts';
import { guardedOutput } from '../../../src/ui/output.ts';

const { signal } = new AbortController();

test('what a full disk did not accept was not reported', async () => {
  const output = guardedOutput(createWriteStream('/dev/full') as unknown as NodeJS.WriteStream);
  output.write('the plan\n');
  await assert.rejects(assertWritten(output, signal), (error: Error & { code: string }) => {
    assert.deepEqual(
      [error.code, error.message],
      ['failed', 'the result could not be written to standard output'],
    );
    assert.match(String(error.cause), /ENOSPC/);
    return true;
  });
});

test('so it is where the file is closed late, as on a busy host', async () => {
  const late = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })),
    destroy: (error, done) => setTimeout(() => done(error), 50),
  });
  const output = guardedOutput(late as unknown as NodeJS.WriteStream);
  output.write('the plan\n');
  await assert.rejects(assertWritten(output, signal), /could not be written/);
});

test('what was taken was reported, also by a reader that has gone since', async () => {
  const taken = new PassThrough();
  taken.resume();
  const output = guardedOutput(taken);
  output.write('the plan\n');
  await assertWritten(output, signal);
  const gone = new PassThrough();
  const left = guardedOutput(gone);
  gone.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
  await assertWritten(left, signal);
});
