import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** The question on a real terminal: `script` gives one, and types what is written to it. */

const source = join(import.meta.dirname, '../../src/ui/confirm.ts');
const child = `
  const { terminalConfirm } = await import(${JSON.stringify(source)});
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort(Object.assign(new Error('asked to stop'), { code: 'terminated' })));
  const end = (text) => { console.log('ENDED ' + text); process.exit(0); };
  const [question, word] = WORDS;
  terminalConfirm(stop.signal)(question, word).then(end, (error) => end(error.code + ': ' + error.message));
`;

function asked(keys: string, words: readonly string[] = ['Really?']): Promise<string> {
  const text = child.replace('WORDS', JSON.stringify(words));
  const command = `${process.execPath} --input-type=module -e '${text.replaceAll("'", `'\\''`)}'`;
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
