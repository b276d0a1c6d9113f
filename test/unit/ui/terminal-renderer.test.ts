import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { textWidth } from '../../../src/ui/width.ts';
import { terminalRenderer } from '../../../src/ui/terminal-renderer.ts';
import {
  bytes,
  completed,
  ManualClock,
  oneOfEach,
  runStarted,
  Screen,
  started,
  timed,
} from './fake-output.ts';

function terminal(columns: number, options: { colors?: boolean; unicode?: boolean } = {}) {
  const screen = new Screen(columns);
  const clock = new ManualClock();
  const renderer = terminalRenderer(screen, { colors: false, unicode: false, clock, ...options });
  return { screen, clock, renderer };
}

test('running steps are redrawn in place below the ended ones, with bytes, rate and elapsed time', () => {
  const { screen, clock, renderer } = terminal(80);
  renderer.handle(runStarted);
  renderer.handle(started('upgrade_preflight'));
  clock.advance(300);
  renderer.handle(completed('upgrade_preflight', 300));
  renderer.handle(started('upgrade_load_images'));
  for (let done = 0; done <= 4; done += 1) {
    renderer.handle(bytes('upgrade_load_images', done * 2 ** 20, 10 * 2 ** 20));
    clock.advance(500);
  }
  assert.deepEqual(
    screen.rows.map((row) => row.replace(/^[|/\\-] /, '* ')),
    [
      'upgrade 2026.1 -> 2026.2, run 20261122T150405Z-upgrade',
      '+ upgrade_preflight       Title of upgrade_preflight                      0.3 s',
      '* upgrade_load_images     4.00 MiB of 10.0 MiB, 1.63 MiB/s, 3.7 s left    2.5 s',
    ],
  );
  screen.columns = 100;
  clock.advance(200);
  assert.match(screen.rows.at(-1) ?? '', /\[====> {7}\] 4\.00 MiB of 10\.0 MiB/);
  renderer.handle(completed('upgrade_load_images', 2500));
  renderer.close();
  assert.equal(screen.rows.length, 3);
  assert.match(screen.rows[2] ?? '', /^\+ upgrade_load_images .* 2\.5 s$/);
});

test('steps that run in parallel have a line each', () => {
  const { screen, clock, renderer } = terminal(80);
  renderer.handle(runStarted);
  renderer.handle(started('upgrade_preflight'));
  renderer.handle(started('upgrade_load_images'));
  clock.advance(1000);
  assert.equal(screen.rows.length, 3);
  renderer.handle(completed('upgrade_preflight'));
  clock.advance(1000);
  assert.match(screen.rows[1] ?? '', /^\+ upgrade_preflight/);
  assert.match(screen.rows[2] ?? '', /^. upgrade_load_images/);
});

test('no live line is wider than the terminal, down to a few columns', () => {
  for (const columns of [200, 80, 40, 25, 12]) {
    const { screen, clock, renderer } = terminal(columns, { unicode: true });
    renderer.handle(runStarted);
    renderer.handle(started('upgrade_load_images'));
    renderer.handle(
      bytes('upgrade_load_images', 5_000_000_000, 20_000_000_000, 'registry/of/some/length:2026.2'),
    );
    clock.advance(3000);
    const [live = ''] = screen.rows.slice(-1);
    assert.ok(live.length < columns, `${columns}: ${live}`);
    assert.match(live, columns >= 25 ? /upgrade_load_images/ : /upgrade_/);
    if (columns >= 40) assert.match(live, /3\.0 s$/);
  }
});

for (const rewraps of [true, false]) {
  const kind = rewraps ? 'wraps lines anew' : 'leaves lines as they were';
  test(`a window of a terminal that ${kind} may be made narrower and wider: no line is lost, no live one stays behind`, () => {
    const screen = new Screen(100, { rewraps });
    const clock = new ManualClock();
    const renderer = terminalRenderer(screen, { colors: true, unicode: true, clock });
    renderer.handle(runStarted);
    for (const id of ['first', 'second', 'third', 'fourth']) {
      renderer.handle(started(id));
      renderer.handle(completed(id));
    }
    renderer.handle(started('upgrade_load_images'));
    renderer.handle(started('upgrade_pg_backup'));
    renderer.handle(bytes('upgrade_load_images', 1, 2));
    clock.advance(500);
    for (const columns of [40, 33, 120, 80]) {
      screen.columns = columns;
      clock.advance(500);
      const text = screen.rows.join('\n');
      for (const live of ['upgrade_load', 'upgrade_pg']) {
        assert.equal(screen.rows.filter((row) => row.includes(live)).length, 1, `${columns}\n${text}`);
      }
      for (const id of ['2026.1 -> 2026.2', 'first', 'second', 'third', 'fourth']) {
        assert.ok(text.includes(id), `${columns}: ${id} is lost\n${text}`);
      }
    }
  });
}

test('wide characters and marks are counted as the columns that they take', () => {
  for (const columns of [80, 40, 21]) {
    const { screen, clock, renderer } = terminal(columns);
    renderer.handle(started('upgrade_load_images'));
    renderer.handle(
      bytes(
        'upgrade_load_images',
        1,
        2,
        'registry/画像の名前/絵文字🎉/e\u0301te\u0301:2026.2 und noch viel mehr',
      ),
    );
    clock.advance(500);
    const [row = ''] = screen.rows.slice(-1);
    assert.ok(textWidth(row) < columns, `${columns}: ${textWidth(row)} ${row}`);
    clock.advance(500);
    assert.equal(screen.rows.length, 1);
  }
});

test('after it was stopped and continues, what the shell wrote meanwhile stays', () => {
  const { screen, clock, renderer } = terminal(80);
  renderer.handle(started('upgrade_load_images'));
  clock.advance(500);
  screen.write('[1]+ Stopped\n$ fg\n');
  screen.goOn();
  clock.advance(500);
  renderer.close();
  assert.ok(screen.rows.includes('[1]+ Stopped'));
  assert.ok(screen.rows.includes('$ fg'));
});

test('a terminal that is behind gets the lines that stay and no redrawing', () => {
  const { screen, clock, renderer } = terminal(80);
  renderer.handle(started('upgrade_load_images'));
  screen.isBehind = true;
  const before = screen.raw.length;
  clock.advance(60_000);
  assert.equal(screen.raw.length, before);
  renderer.handle(completed('upgrade_load_images'));
  assert.match(screen.raw.slice(before), /upgrade_load_images/);
});

test('colors are used when wanted and never otherwise; nothing but lines is needed to read it', () => {
  for (const colors of [true, false]) {
    const { screen, renderer } = terminal(80, { colors, unicode: true });
    for (const event of oneOfEach) renderer.handle(event);
    renderer.close();
    assert.equal(/\u{1B}\[\d+m/u.test(screen.raw), colors);
    // Cursor and screen modes would stay after a SIGKILL: they are never touched.
    assert.doesNotMatch(screen.raw, /\u{1B}\[\?/u);
  }
});

test('every event is drawn, warnings again at the end, and the error with cause, output, hint and log', () => {
  const { screen, renderer } = terminal(80);
  for (const event of oneOfEach) renderer.handle(event);
  renderer.close();
  const text = screen.rows.join('\n');
  for (const part of [
    'Check the payload',
    'what would happen',
    '! no dump of this upgrade',
    '! upgrade_load_images: disk is nearly full',
    'WARNING: disk is nearly full',
    'x upgrade_health_backend',
    'stopped after 1 m 05 s',
    '2026.2 is installed',
    'caused by: connection refused',
    '    line two',
    'try: kubectl get pods',
    'log: /logs/r.jsonl',
  ]) {
    assert.ok(text.includes(part), `${part} is missing in\n${text}`);
  }
});

test('closing in the middle of a run takes the live lines away and stops the timer, twice as well as once', () => {
  const { screen, clock, renderer } = terminal(80);
  renderer.handle(runStarted);
  renderer.handle(started('upgrade_load_images'));
  clock.advance(500);
  renderer.close();
  renderer.close();
  assert.equal(screen.rows.length, 1);
  assert.equal(clock.timers, 0);
});

test('foreign text cannot move the cursor or hide itself', () => {
  const { screen, clock, renderer } = terminal(80);
  const evil = 'before\u{1B}[2J\u{1B}]0;title\u{7}\r\u{9B}31mafter\u{202E}';
  renderer.handle(started('upgrade_load_images'));
  renderer.handle(timed({ type: 'step.log', step: 'upgrade_load_images', line: evil }));
  renderer.handle(bytes('upgrade_load_images', 1, 2, evil));
  renderer.handle(timed({ type: 'step.warning', step: 'upgrade_load_images', line: evil }));
  renderer.handle(timed({ type: 'message', level: 'info', line: evil }));
  clock.advance(500);
  renderer.close();
  assert.equal(/[\u{202E}\u{9B}\u{7}]/u.test(stripVTControlCharacters(screen.raw)), false);
  assert.doesNotMatch(screen.raw, /\u{1B}\[2J|\u{1B}\]/u);
});

test('the result of a run breaks in front of a path, at every width', () => {
  const path = '/opt/ivaap/.installer/backups/20260131T235959Z/ivaapdb.sql';
  const lines = [`  backup   ${path}`, `  snapshot ${path} (state, values, Helm's records, old chart)`];
  for (const columns of [64, 66, 72, 80, 100, 120]) {
    const { screen, renderer } = terminal(columns);
    renderer.handle({ type: 'result', at: runStarted.at, lines, data: {} });
    renderer.close();
    assert.equal(screen.rows.filter((row) => row.includes(path)).length, 2, screen.rows.join('\n'));
    for (const row of screen.rows) assert.ok(textWidth(row) < columns, row);
  }
});
