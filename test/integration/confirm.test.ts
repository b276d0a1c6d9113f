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
  terminalConfirm(stop.signal)('Really?').then(end, (error) => end(error.code + ': ' + error.message));
`;

function asked(keys: string): Promise<string> {
  const command = `${process.execPath} --input-type=module -e '${child.replaceAll("'", `'\\''`)}'`;
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  let typed = false;
  terminal.stdout.on('data', (piece: Buffer) => {
    shown += piece.toString();
    if (!typed && shown.includes('[y/N] ')) {
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
