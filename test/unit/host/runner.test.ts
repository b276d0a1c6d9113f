import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, describe, it } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { Redactor } from '../../../src/engine/redact.ts';
import { programFailure } from '../../../src/host/program-failure.ts';
import type { ProgramNote } from '../../../src/host/program-output.ts';
import { createRunner } from '../../../src/host/runner.ts';

const folder = mkdtempSync(join(tmpdir(), 'runner-'));
after(() => rmSync(folder, { recursive: true }));
const runner = createRunner();
const sh = (script: string) => ['sh', '-c', script] as const;

async function failureOf(promise: Promise<unknown>): Promise<IvaapError> {
  const error: unknown = await promise.then(
    () => assert.fail('should have failed'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof IvaapError, String(error));
  return error;
}

describe('runner', () => {
  it('returns the output and passes arguments without a shell', async () => {
    const result = await runner.run(['printf', '%s', '$HOME `id`; "']);
    assert.equal(result.stdout, '$HOME `id`; "');
    assert.equal(result.exitCode, 0);
  });

  it('gives a child an environment of its own and nothing of ours', async () => {
    process.env['HELM_TRAP'] = 'x';
    process.env['https_proxy'] = 'http://trap';
    const { stdout } = await createRunner({ home: '/private' }).run(['env'], { env: { EXTRA: '1' } });
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .sort();
    assert.deepEqual(names, ['EXTRA', 'HOME', 'LANG', 'LC_ALL', 'NO_PROXY', 'PATH', 'TZ', 'no_proxy']);
    assert.match(stdout, /^HOME=\/private$/m);
  });

  it('names program, exit code and last lines of a failure, with secrets taken out', async () => {
    const redactor = new Redactor();
    redactor.add('hunter2');
    const hiding = createRunner({ redactor });
    const error = await failureOf(hiding.run(sh('echo "bad password hunter2" >&2; exit 3')));
    assert.equal(error.code, 'failed');
    assert.match(error.message, /^sh .*failed with exit code 3$/);
    assert.equal(error.output, 'bad password [redacted]');
    assert.equal(programFailure(error)?.exitCode, 3);
  });

  it('shows standard output as what a program said only where that is text', async () => {
    const silent = sh(`echo '{"kubeletconfig":{}}'; exit 3`);
    const data = await failureOf(runner.run(silent));
    assert.equal(data.output, undefined);
    assert.match(programFailure(data)?.stdout ?? '', /kubeletconfig/);
    const late = sh(`echo '{"kubeletconfig":{}}'; exec sleep 60`);
    const stopped = await failureOf(runner.run(late, { timeoutMs: 300 }));
    assert.match(stopped.message, /did not end/);
    assert.equal(stopped.output, undefined);
    for (const stdoutIsText of [true, 'loud'] as const) {
      const text = await failureOf(runner.run(silent, { stdoutIsText }));
      assert.equal(text.output, '{"kubeletconfig":{}}');
    }
  });

  it('says what was not found', async () => {
    const error = await failureOf(runner.run(['no-such-program-here']));
    assert.match(error.message, /no-such-program-here was not found/);
    assert.equal(programFailure(error)?.reason, 'not started');
  });

  it('says what may not be executed', async () => {
    const file = join(folder, 'plain');
    writeFileSync(file, 'x', { mode: 0o600 });
    assert.match((await failureOf(runner.run([file]))).message, /may not be executed/);
  });

  it('streams standard input with back-pressure', async () => {
    let made = 0;
    async function* source() {
      for (; made < 64; made += 1) yield Buffer.alloc(65_536, made);
    }
    const result = await runner.run(sh('sleep 0.3; wc -c'), { stdin: source() });
    assert.equal(Number(result.stdout), 64 * 65_536);
    assert.equal(result.stdinBytes, 64 * 65_536);
  });

  it('kills the child when its input breaks off, so that a part is never mistaken for the complete input', async () => {
    const mark = join(folder, 'took-it');
    const source = Readable.from(
      (async function* () {
        yield Buffer.from('first half');
        await sleep(50);
        throw new Error('the disk went away');
      })(),
    );
    const error = await failureOf(runner.run(sh(`cat >/dev/null; : > ${mark}`), { stdin: source }));
    assert.match(String((error.cause as Error).message), /the disk went away/);
    await sleep(100);
    assert.equal(existsSync(mark), false);
  });

  it('ends when the child ends although the source waits for more', async () => {
    const endless = new Readable({ read() {} });
    endless.push('x');
    const error = await failureOf(runner.run(sh('exit 4'), { stdin: endless }));
    assert.equal(programFailure(error)?.exitCode, 4);
    assert.ok(endless.destroyed);
  });

  it('hands standard output over as a stream, and kills the child when the consumer fails', async () => {
    let seen = '';
    await runner.run(sh('echo one; echo two'), {
      stdout: async (stream) => {
        seen = await text(stream);
      },
    });
    assert.equal(seen, 'one\ntwo\n');
    const startedAt = performance.now();
    const error = await failureOf(
      runner.run(sh('echo x; sleep 30'), {
        stdout: () => Promise.reject(new IvaapError('failed', 'no room left')),
      }),
    );
    assert.equal(error.message, 'no room left');
    assert.ok(performance.now() - startedAt < 5000);
  });

  it('stops a child at its time limit: SIGTERM, then SIGKILL, its own children too', async () => {
    const error = await failureOf(
      runner.run(sh('trap "" TERM; while :; do sleep 0.1; done'), { timeoutMs: 200, graceMs: 200 }),
    );
    assert.equal(programFailure(error)?.reason, 'timeout');
  });

  it('sends SIGTERM on abort and waits for the end of a child that cleans up', async () => {
    const mark = join(folder, 'cleaned');
    const abort = new AbortController();
    const run = failureOf(
      runner.run(sh(`trap 'echo ok > ${mark}; exit 0' TERM; echo ready; while :; do sleep 0.05; done`), {
        signal: abort.signal,
        graceMs: Number.POSITIVE_INFINITY,
        stdout: async (stream) => {
          for await (const _ of stream) abort.abort();
        },
      }),
    );
    assert.equal(programFailure(await run)?.reason, 'aborted');
    assert.equal(readFileSync(mark, 'utf8'), 'ok\n');
  });

  it('passes descriptors on from 3 upwards', async () => {
    const file = join(folder, 'inherited');
    writeFileSync(file, 'through the descriptor');
    const fd = openSync(file, 'r');
    try {
      const { stdout } = await runner.run(sh('cat <&3'), { inherit: [fd] });
      assert.equal(stdout, 'through the descriptor');
    } finally {
      closeSync(fd);
    }
  });

  it('starts children in a session of their own, out of reach of a terminal', async () => {
    const { stdout } = await runner.run(sh('cut -d" " -f5,6 /proc/$$/stat; echo $$'));
    const [groupAndSession, pid] = stdout.trim().split('\n');
    assert.equal(groupAndSession, `${pid} ${pid}`);
  });

  it('refuses output beyond the limit', async () => {
    const error = await failureOf(runner.run(['yes'], { maxStdoutBytes: 1000, graceMs: 100 }));
    assert.equal(programFailure(error)?.reason, 'output too long');
  });

  it('reports every line of standard error, of standard output where it is text, and how the program ended', async () => {
    const notes: ProgramNote[] = [];
    const telling = createRunner({ report: (note) => notes.push(note) });
    await telling.run(sh('printf "a\\nb" >&2; echo data'));
    await telling.run(sh('echo words; echo more >&2; exit 5'), { stdoutIsText: true, okCodes: 'any' });
    const lines = notes.flatMap((note) => (note.kind === 'line' ? [`${note.stream} ${note.line}`] : []));
    assert.deepEqual(lines.sort(), ['stderr a', 'stderr b', 'stderr more', 'stdout words']);
    const ends = notes.flatMap((note) => (note.kind === 'ended' ? [[note.exitCode, note.stdoutBytes]] : []));
    assert.deepEqual(ends, [
      [0, 5],
      [5, 6],
    ]);
  });

  it('reports a secret neither complete nor split over chunks and lines', async () => {
    const redactor = new Redactor();
    redactor.add('kanarienvogel-4711');
    const notes: ProgramNote[] = [];
    const telling = createRunner({ redactor, report: (note) => notes.push(note) });
    const script = `printf 'x kanarien' >&2; sleep 0.2; printf 'vogel-4711 y\\n' >&2
      printf 'ends in kanarien\\n  vogel-4711 goes on\\n' >&2; printf 'ka\\nnarienvogel-4711\\nlast kanarien' >&2; exit 1`;
    const error = await failureOf(telling.run(sh(script)));
    const reported = notes.flatMap((note) => (note.kind === 'line' ? [note.line] : []));
    assert.deepEqual(reported, [
      'x [redacted] y',
      'ends in [redacted]',
      '  [redacted] goes on',
      'ka',
      '[redacted]',
      'last kanarien',
    ]);
    assert.doesNotMatch(`${error.output} ${programFailure(error)?.stderr}`, /vogel/);
  });

  it('reports only the first and the last lines of a program with much output', async () => {
    const notes: ProgramNote[] = [];
    await createRunner({ report: (note) => notes.push(note) }).run(
      sh('seq 1 3000 >&2; head -c 9000 /dev/zero | tr "\\0" x >&2'),
    );
    const reported = notes.flatMap((note) => (note.kind === 'line' ? [note.line] : []));
    assert.equal(reported.length, 400 + 1 + 100);
    assert.equal(reported[400], '… 2501 lines left out …');
    assert.match(reported.at(-1) ?? '', /^x{4000} … 5000 characters left out$/);
  });
});
