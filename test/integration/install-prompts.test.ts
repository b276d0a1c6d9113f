import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Ended } from '../fixtures/prompted-install.ts';
import { onTerminal, type Terminal, type TerminalOptions } from '../fixtures/terminal.ts';

/** A person at a real terminal installs on the simulated host: real prompts, flow, files. */

const child = join(import.meta.dirname, '../fixtures/prompted-install.ts');

function start(given: object = {}, options: TerminalOptions = {}): Terminal {
  const json = JSON.stringify(given).replaceAll("'", `'\\''`);
  return onTerminal(`${process.execPath} ${child} '${json}'`, options);
}

async function endOf(terminal: Terminal): Promise<Ended> {
  await terminal.exitCode();
  const [, json = ''] = /ENDED (.*)/.exec(terminal.text) ?? [];
  return JSON.parse(json) as Ended;
}

const hostOf = async (terminal: Terminal): Promise<string> => {
  await terminal.shows(/HOST \S+\n/);
  return /HOST (\S+)/.exec(terminal.text)?.[1] ?? '';
};

const [enter, esc, up, down] = ['\r', '\u001B', '\u001B[A', '\u001B[B'];
const [ctrlC, ctrlD, clearLine] = ['\u0003', '\u0004', '\u0015'];

/** Up to the summary, with the licence that is there and what is offered. */
async function answerAll(terminal: Terminal, last = enter): Promise<void> {
  const root = await hostOf(terminal);
  await terminal.answer(/licence of Tiny/, `${root}/license.json${enter}`);
  await terminal.answer(/Under which name/, enter);
  await terminal.answer(/Where is the database/, enter);
  await terminal.answer(/Which connectors/, last);
}

test('all questions, the summary with the one yes: the install has what was answered', async () => {
  using terminal = start();
  await terminal.shows(/Esc goes back to the question before[^]*licence of Tiny/);
  await answerAll(terminal);
  await terminal.answer(/like this\?/, enter);
  const { exitCode, message, answers, values, images } = await endOf(terminal);
  assert.equal(exitCode, 0, message);
  assert.equal(answers?.['fqdn'], 'host.tiny.example');
  assert.match(values ?? '', /host: "?host\.tiny\.example/);
  assert.equal(answers?.['connectors'], 'alpha');
  assert.ok(images.some((name) => name.includes('/alpha:')));
  assert.match(terminal.text, /alias\.example/);
  assert.doesNotMatch(terminal.text, /10\.0\.0\.5|localhost|\[y\/N\]/);
  assert.match(terminal.text, /GiB free on |TiB free on |MiB free on /);
});

test('an answer that cannot be used says so below its question and can be edited; nothing is lost by Esc', async () => {
  using terminal = start({ files: { 'expired.json': '{"entitlements":[],"expires":"2020-01-01"}' } });
  const root = await hostOf(terminal);
  await terminal.answer(/licence of Tiny/, `${root}/expired.json${enter}`);
  await terminal.answer(/expired on\s+2020-01-01/, `${'\u007F'.repeat(12)}license.json`);
  await terminal.answer(/license\.json/, enter);
  await terminal.answer(/Under which name/, up);
  await terminal.answer(/● another name/, enter);
  await terminal.answer(/in DNS or in \/etc\/hosts/, `Wells.Example${enter}`);
  await terminal.answer(/capital letters: wells\.example/, clearLine);
  await terminal.answer(/in DNS/, `wells.example${enter}`);
  await terminal.answer(/Where is the database/, esc);
  // Back at the name, with the answer in its line.
  await terminal.answer(/Under which name/, enter);
  await terminal.answer(/wells\.example/, enter);
  await terminal.answer(/Where is the database/, enter);
  await terminal.answer(/Which connectors/, ' ');
  await terminal.answer(/alpha/, enter);
  await terminal.answer(/like this\?[^]*wells\.example[^]*none/, esc);
  // From the summary back to the connectors: the choice is kept.
  await terminal.answer(/Which connectors/, enter);
  await terminal.answer(/like this\?/, enter);
  const { exitCode, message, answers, images } = await endOf(terminal);
  assert.equal(exitCode, 0, message);
  assert.deepEqual([answers?.['fqdn'], answers?.['connectors']], ['wells.example', 'none']);
  assert.ok(!images.some((name) => name.includes('/alpha:')));
});

test('what was typed before a question answers none: not the first, and not the last yes', async () => {
  using terminal = start();
  terminal.type(`/typed-ahead${enter}`);
  await answerAll(terminal, `${enter}y${enter}${enter}`);
  await terminal.answer(/like this\?/, `${down}${down}`);
  await terminal.answer(/No: stop/, enter);
  const { exitCode, changed } = await endOf(terminal);
  assert.deepEqual([exitCode, changed], [1, false]);
  assert.doesNotMatch(terminal.text.replace(/^.*HOST/s, ''), /typed-ahead/);
});

test('only what is missing is asked', async () => {
  const options = { license: 'HOST/license.json', storagePath: 'HOST/storage', connectors: 'alpha' };
  using terminal = start({ options });
  await terminal.answer(/Under which name/, enter);
  await terminal.answer(/like this\?/, enter);
  const { exitCode, message } = await endOf(terminal);
  assert.equal(exitCode, 0, message);
  assert.doesNotMatch(terminal.text, /licence of Tiny|Where is the database|Which connectors/);
});

const ends: [keys: string, name: string, exitCode: number, says: RegExp][] = [
  [ctrlC, 'Ctrl-C', 130, /stopped at a question: nothing was changed/],
  [`abc${ctrlC}`, 'Ctrl-C behind text', 130, /stopped at a question/],
  [ctrlD, 'Ctrl-D', 1, /the input ended at a question: nothing was changed/],
];
for (const [keys, name, exitCode, says] of ends) {
  test(`${name} at a question changes nothing`, async () => {
    using terminal = start();
    await terminal.answer(/licence of Tiny/, keys);
    const ended = await endOf(terminal);
    assert.equal(ended.exitCode, exitCode, ended.message);
    assert.match(ended.message, says);
    assert.equal(ended.changed, false);
  });

  test(`${name} at the summary changes nothing, and the terminal is as it was`, async () => {
    using terminal = start();
    await answerAll(terminal);
    await terminal.answer(/like this\?/, keys.slice(-1));
    const ended = await endOf(terminal);
    assert.deepEqual([ended.exitCode, ended.changed], [exitCode, false]);
    // Paste marks off, and the cursor shown.
    assert.ok(terminal.raw.lastIndexOf('\u001B[?2004l') > terminal.raw.lastIndexOf('\u001B[?2004h'));
    assert.ok(terminal.raw.lastIndexOf('\u001B[?25h') > terminal.raw.lastIndexOf('\u001B[?25l'));
  });
}

test('No at the summary is 1 and changes nothing; the hint has the answers', async () => {
  using first = start();
  await answerAll(first);
  await first.answer(/like this\?/, `${down}${down}`);
  await first.answer(/No: stop/, enter);
  const declined = await endOf(first);
  assert.deepEqual([declined.exitCode, declined.changed], [1, false], declined.message);
  assert.match(
    declined.hint,
    /--license \S+license\.json --fqdn host\.tiny\.example --storage-path \S+ --connectors alpha/,
  );
});

test('pasted text answers one question, and its control characters are shown and refused', async () => {
  using terminal = start();
  const root = await hostOf(terminal);
  await terminal.answer(/licence of Tiny/, `\u001B[200~${root}/lic\u0007ense.json\ny\ny\n\u001B[201~`);
  await terminal.answer(/ense\.json/, enter);
  await terminal.answer(/characters that a terminal does not show/, clearLine);
  // A terminal that marks no paste: lines behind the first answer nothing.
  await terminal.answer(/licence of Tiny/, `${root}/license.json\nwells.example\ny\ny\n`);
  await terminal.answer(/Under which name/, ctrlC);
  const ended = await endOf(terminal);
  assert.deepEqual([ended.exitCode, ended.changed], [130, false]);
});

test('a terminal that says no size, as a serial line does, is taken for one of 80 columns', async () => {
  using terminal = start({}, { columns: 0, rows: 0 });
  await answerAll(terminal);
  await terminal.answer(/like this\?/, enter);
  assert.equal((await endOf(terminal)).exitCode, 0);
});

test('on 40 columns every question can be read and answered', async () => {
  using terminal = start({}, { columns: 40, rows: 15 });
  await answerAll(terminal);
  await terminal.answer(/like this\?/, enter);
  const { exitCode, message } = await endOf(terminal);
  assert.equal(exitCode, 0, message);
});

test('a terminal that cannot move the cursor has no prompts: what is missing is named', async () => {
  using dumb = start({}, { env: { TERM: 'dumb' } });
  const ended = await endOf(dumb);
  assert.equal(ended.exitCode, 2);
  assert.match(ended.message, /--license FILE.*--fqdn NAME/);
  assert.equal(ended.changed, false);
});

test('over an unfinished install it asks whether to go on, and nothing that was answered', async () => {
  for (const [key, exitCode] of [
    ['n', 1],
    ['y', 0],
  ] as const) {
    using terminal = start({ cutAt: 'chart:running' });
    await terminal.answer(
      /Go on with the install of Tiny 2026\.1 for tiny\.example[^]*\[y\/N\]/,
      key + enter,
    );
    const ended = await endOf(terminal);
    assert.equal(ended.exitCode, exitCode, ended.message);
    assert.doesNotMatch(terminal.text, /licence of Tiny|Under which name|Where is the database|Which conn/);
  }
});
