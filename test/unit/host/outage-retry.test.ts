import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { OutageRetry } from '../../../src/host/outage-retry.ts';
import { ProgramFailure } from '../../../src/host/program-failure.ts';

const failed = (stderr: string) =>
  new IvaapError('failed', 'kubectl get failed', {
    cause: new ProgramFailure('kubectl get failed', {
      exitCode: 1,
      endedBy: undefined,
      reason: 'exit',
      stdout: '',
      stderr,
    }),
  });
const away = () => failed('The connection to the server 127.0.0.1:6443 was refused: connection refused');

/** A question that fails some times before it is answered. */
function question(failures: number, error = away) {
  const asked = { count: 0 };
  const ask = async () => {
    asked.count += 1;
    if (asked.count <= failures) throw error();
    return 'answer';
  };
  return { asked, ask };
}

function begun(limits: { limitMs: number; settleMs?: number }) {
  const outageRetry = new OutageRetry({ pauseMs: 5, ...limits });
  const stop = new AbortController();
  const said: string[] = [];
  const end = outageRetry.start({ signal: stop.signal, say: (line) => said.push(line) });
  return { outageRetry, stop, said, end };
}

test('a run asks again while the API server is away, and says so once', async () => {
  const { outageRetry, said } = begun({ limitMs: 60_000 });
  const questions = [question(3), question(2)];
  assert.deepEqual(await Promise.all(questions.map(({ ask }) => outageRetry.ask(ask))), ['answer', 'answer']);
  assert.deepEqual(
    questions.map(({ asked }) => asked.count),
    [4, 3],
  );
  assert.match(said[0] ?? '', /does not answer .* up to 60 s/);
  assert.match(said.at(-1) ?? '', /answers again/);
});

test('before a run and after it a question is asked once', async () => {
  const { outageRetry, end } = begun({ limitMs: 60_000 });
  end();
  const { ask, asked } = question(1);
  await assert.rejects(outageRetry.ask(ask), /kubectl get failed/);
  assert.equal(asked.count, 1);
});

test('what an API server answered is not asked again', async () => {
  const { outageRetry } = begun({ limitMs: 60_000 });
  const error = failed('Error from server (Forbidden)');
  const { ask, asked } = question(1, () => error);
  await assert.rejects(outageRetry.ask(ask), error);
  assert.equal(asked.count, 1);
});

test('once the limit is over nothing is waited for until something is answered', async () => {
  const { outageRetry } = begun({ limitMs: 50 });
  await assert.rejects(outageRetry.ask(question(Infinity).ask), /kubectl get failed/);
  const second = question(1);
  await assert.rejects(outageRetry.ask(second.ask), /kubectl get failed/);
  assert.equal(second.asked.count, 1);
  assert.equal(await outageRetry.ask(second.ask), 'answer');
  assert.equal(await outageRetry.ask(question(1).ask), 'answer');
});

test('a stop ends the wait with its reason', async () => {
  const { outageRetry, stop } = begun({ limitMs: 60_000 });
  const reason = new IvaapError('terminated', 'stopped by SIGTERM');
  const asking = outageRetry.ask(question(Infinity).ask);
  setTimeout(() => stop.abort(reason), 20);
  await assert.rejects(asking, reason);
});

test('for a while after the API server is back it is worth to look again at what it says of pods', async () => {
  const { outageRetry } = begun({ limitMs: 60_000, settleMs: 100 });
  assert.equal(await outageRetry.settling(), false, 'it was never away');
  await outageRetry.ask(question(1).ask);
  assert.equal(await outageRetry.settling(), true);
  await new Promise((done) => setTimeout(done, 120));
  assert.equal(await outageRetry.settling(), false);
});
