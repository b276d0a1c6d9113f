import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { createRunner } from '../../../src/host/runner.ts';
import { isAlive, identityOf } from '../../../src/host/system.ts';

const folder = mkdtempSync(join(tmpdir(), 'outlives-'));
after(() => rmSync(folder, { recursive: true }));
const runner = createRunner();
let files = 0;
const newFile = () => join(folder, `file-${(files += 1)}`);

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let left = 200; left > 0; left -= 1) {
    if (holds()) return;
    await sleep(100);
  }
  assert.fail(what);
}

test('a program is recorded under the identity that it keeps before its first instruction', async () => {
  const outputFile = newFile();
  const trace = newFile();
  const seen: string[] = [];
  let identity = identityOf(process.pid);
  const script = `echo "$$" > ${trace}; echo 'a "word" $HOME' >&2; echo more`;
  const telling = createRunner({ report: (note) => note.kind === 'line' && seen.push(note.line) });
  const { stderr, stdout } = await telling.run(['/bin/sh', '-c', script], {
    detached: {
      outputFile,
      record: async (pid) => {
        identity = identityOf(pid);
        await sleep(300);
        assert.ok(isAlive(identity), 'it waits');
        assert.equal(existsSync(trace), false, 'and has done nothing');
      },
    },
  });
  assert.equal(readFileSync(trace, 'utf8').trim(), String(identity.pid));
  assert.equal(isAlive(identity), false);
  assert.deepEqual([stdout, stderr, seen], ['', 'a "word" $HOME\nmore\n', ['a "word" $HOME', 'more']]);
});

test('arguments reach it as they are, and it has no descriptor of the gate', async () => {
  const outputFile = newFile();
  const args = ['$(id)', '; false', '"', '-c', ''];
  const inside = 'for one; do printf "%s\\n" "$one" >&2; done; [ -e /proc/$$/fd/3 ] && echo open >&2; true';
  const { stderr } = await runner.run(['/bin/sh', '-c', inside, 'sh', ...args], {
    detached: { outputFile, record: async () => {} },
  });
  const lines = stderr.split('\n');
  assert.deepEqual(lines.slice(0, args.length), args);
  assert.deepEqual(lines.slice(args.length), ['']);
});

test('what cannot be recorded is not run', async () => {
  const trace = newFile();
  const run = runner.run(['touch', trace], {
    detached: {
      outputFile: newFile(),
      record: () => Promise.reject(new IvaapError('failed', 'the disk is full')),
    },
  });
  await assert.rejects(run, /the disk is full/);
  assert.equal(existsSync(trace), false);
});

test('failures are reported as of any program', async () => {
  const detached = { outputFile: newFile(), record: async () => {} };
  await assert.rejects(runner.run(['/nowhere/helm'], { detached }), /\/nowhere\/helm was not found/);
  await assert.rejects(
    runner.run(['/bin/sh', '-c', 'echo no >&2; exit 3'], { detached }),
    (error: IvaapError) => /failed with exit code 3/.test(error.message) && error.output === 'no',
  );
});

test('a wish to stop that comes while it is recorded reaches it', async () => {
  const abort = new AbortController();
  const run = runner.run(['sleep', '60'], {
    signal: abort.signal,
    detached: { outputFile: newFile(), record: async () => abort.abort() },
  });
  await assert.rejects(run, /was stopped on request/);
});

/** Runs `script` as a program that outlives a process which is killed as soon as `file` is there. */
async function orphaned(script: string, recordMs: number, kill: () => boolean): Promise<void> {
  const parent = `
    import { createRunner } from ${JSON.stringify(join(import.meta.dirname, '../../../src/host/runner.ts'))};
    import { setTimeout as sleep } from 'node:timers/promises';
    import { writeFileSync } from 'node:fs';
    await createRunner().run(['/bin/sh', '-c', ${JSON.stringify(script)}], { detached: {
      outputFile: ${JSON.stringify(newFile())},
      record: async (pid) => { writeFileSync(${JSON.stringify(pidFile)}, String(pid)); await sleep(${recordMs}); },
    } });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', parent], { stdio: 'ignore' });
  await until('the program was recorded or begun', kill);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const pidFile = join(folder, 'pid');

test('an orphan speaks into a file, where a broken pipe would end it, and does its work to the end', async () => {
  const [begun, done] = [newFile(), newFile()];
  await orphaned(`touch ${begun}; sleep 1; echo words >&2; echo more >&2; touch ${done}`, 0, () =>
    existsSync(begun),
  );
  await until('it did its work to the end', () => existsSync(done));
});

test('when we are killed before the record is written the program never runs', async () => {
  const trace = newFile();
  writeFileSync(pidFile, '');
  await orphaned(`touch ${trace}`, 60_000, () => readFileSync(pidFile, 'utf8') !== '');
  const identity = identityOf(Number(readFileSync(pidFile, 'utf8')));
  await until('it has ended', () => !isAlive(identity));
  assert.equal(existsSync(trace), false);
});
