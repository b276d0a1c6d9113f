import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { onTerminal } from '../fixtures/terminal.ts';

/** The question on a real terminal: `script` gives one, and types what is written to it. */

const source = join(import.meta.dirname, '../../src/ui/confirm.ts');
const child = `
  const { terminalConfirm } = await import(${JSON.stringify(source)});
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort(Object.assign(new Error('asked to stop'), { code: 'terminated' })));
  for (let no = 1; no < QUESTIONS; no += 1)
    await terminalConfirm(stop.signal, () => "again")("First", "first");
  console.log('STARTED');
  // Reads nothing meanwhile, as while a step runs; the keys wait in the kernel.
  await new Promise((done) => setTimeout(done, WAIT));
  const end = (text) => { console.log('ENDED ' + text); process.exit(0); };
  const [question, word] = WORDS;
  terminalConfirm(stop.signal, () => "again")(question, word).then(end, (error) => end(error.code + ': ' + error.message));
`;

interface Asked {
  words?: readonly string[];
  waitMs?: number;
  questions?: number;
}

function commandOf({ words = ['Really?'], waitMs = 0, questions = 1 }: Asked): string {
  const text = child
    .replace('WORDS', JSON.stringify(words))
    .replace('WAIT', String(waitMs))
    .replace('QUESTIONS', String(questions));
  return `${process.execPath} --input-type=module -e '${text.replaceAll("'", `'\\''`)}'`;
}

function asked(keys: string, words?: readonly string[]): Promise<string> {
  const command = commandOf(words === undefined ? {} : { words });
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  let typed = false;
  terminal.stdout.on('data', (piece: Buffer) => {
    shown += piece.toString();
    if (!typed && /\[y\/N\] |name: /.test(shown)) {
      typed = true;
      terminal.stdin.write(keys);
    }
  });
  return new Promise((done) =>
    terminal.on('close', () => done(/ENDED (.*?)\r?\n/.exec(shown)?.[1] ?? shown)),
  );
}

const rows: [keys: string, name: string, end: RegExp][] = [
  ['y\r', 'y', /^true$/],
  ['YES\r', 'YES', /^true$/],
  ['\r', 'Enter alone', /^false$/],
  ['no\r', 'no', /^false$/],
  ['yess\r', 'anything else', /^false$/],
  ['\u0004', 'Ctrl-D', /^false$/],
  ['\u0003', 'Ctrl-C', /^interrupted: stopped at the question: nothing was changed$/],
  ['y\u0003', 'Ctrl-C behind a y', /^interrupted: /],
];

for (const [keys, name, end] of rows) {
  test(`a question that is answered with ${name}`, async () => assert.match(await asked(keys), end));
}

/** What has to be typed is a name: no yes, no part of it and nothing invisible is one. */
const names: [keys: string, name: string, end: RegExp][] = [
  ['tiny\r', 'the name', /^true$/],
  ['  tiny \r', 'blanks around it', /^true$/],
  ['y\r', 'y', /^false$/],
  ['yes\r', 'yes', /^false$/],
  ['Tiny\r', 'another case', /^false$/],
  ['tin\r', 'a part of it', /^false$/],
  ['tiny\u200B\r', 'an invisible character behind it', /^false$/],
  ['\r', 'Enter alone', /^false$/],
  ['\u0004', 'Ctrl-D', /^false$/],
  ['\u0003', 'Ctrl-C', /^interrupted: /],
];

for (const [keys, name, end] of names) {
  test(`a name that is asked for and answered with ${name}`, async () =>
    assert.match(await asked(keys, ['All of \u001b[2Jthis goes.\nType its name', 'tiny']), end));
}

const name = ['This deletes all.\nType its name', 'tiny'];
const ahead: [keys: string, what: string, words?: readonly string[]][] = [
  ['y\r', 'a yes'],
  ['y', 'half a line'],
  ['n\ry\ry\r', 'several lines'],
  ['y\r\u0004', 'a yes and Ctrl-D'],
  ['\u001B[200~y\r\u001B[201~', 'a paste'],
  ['tiny\r', 'the name', name],
  ['tiny\rtiny', 'the name, and again without Enter', name],
];

/** What stands there is answered with Enter: a key that was typed before would make another answer of it. */
for (const [keys, what, words = ['Really?']] of ahead) {
  test(`${what} that was typed before the question answers nothing`, async () => {
    using terminal = onTerminal(commandOf({ words, waitMs: 400 }));
    await terminal.answer(/STARTED/, keys);
    await terminal.answer(/\[y\/N\] |name: /, '\r');
    assert.equal(await terminal.exitCode(), 0);
    assert.match(terminal.text, /ENDED false/);
  });
}

test('what comes together with the question answers nothing', async () => {
  using terminal = onTerminal(commandOf({ words: name }));
  await terminal.answer(/its name/, 'tiny\rtiny');
  await terminal.answer(/name: /, '\r');
  assert.equal(await terminal.exitCode(), 0);
  assert.match(terminal.text, /ENDED false/);
});

test('what is typed behind the answer of another question answers nothing', async () => {
  using terminal = onTerminal(commandOf({ questions: 2 }));
  await terminal.answer(/First: /, 'first\ry\r');
  await terminal.answer(/\[y\/N\] /, '\r');
  assert.equal(await terminal.exitCode(), 0);
  assert.match(terminal.text, /ENDED false/);
});

test('keys that are typed one by one after the question answer it, also when others came before', async () => {
  using terminal = onTerminal(commandOf({ words: name, waitMs: 400 }));
  await terminal.answer(/STARTED/, 'other\rti');
  await terminal.shows(/name: /);
  for (const key of 'timy\u007F\u007Fny\r') {
    terminal.type(key);
    await new Promise((done) => setTimeout(done, 20));
  }
  await terminal.exitCode();
  assert.match(terminal.text, /ENDED true/);
});

test('a name that is pasted after the question counts, marked by the terminal or not', async () => {
  for (const keys of ['\u001B[200~tiny\n\u001B[201~\r', 'tiny\n']) {
    using terminal = onTerminal(commandOf({ words: name }));
    await terminal.answer(/name: /, keys);
    await terminal.exitCode();
    assert.match(terminal.text, /ENDED true/);
  }
});

test('Ctrl-C right before the question can be answered stops at it', async () => {
  using terminal = onTerminal(commandOf({ words: name }));
  await terminal.answer(/its name/, '\u0003');
  await terminal.exitCode();
  assert.match(terminal.text, /ENDED interrupted: /);
});
