import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Given } from '../fixtures/interrupted-run.ts';
import { onTerminal } from '../fixtures/terminal.ts';

/** Ctrl-C at a real terminal, in a step of a run on the simulated host. */

const child = join(import.meta.dirname, '../fixtures/interrupted-run.ts');

type Row = Pick<Given, 'flow' | 'before' | 'typed' | 'place'> & { command: string };
const rows: readonly Row[] = [
  {
    flow: 'install',
    before: [],
    typed: ['--license', '/a b/license.json', '--verbose'],
    place: 'load_images:running',
    command: "./tiny install --license '/a b/license.json' --verbose",
  },
  {
    flow: 'upgrade',
    before: ['install'],
    typed: ['--images-from=payload'],
    place: 'upgrade_helm:running',
    command: './tiny install --upgrade --images-from=payload',
  },
  {
    // Two steps run: that the other one goes on would not be true after a stop.
    flow: 'upgrade',
    before: ['install'],
    typed: ['--supersede', '--activate'],
    place: 'upgrade_load_images:running',
    command: './tiny install --upgrade --activate',
  },
  {
    flow: 'rollback',
    before: ['install'],
    typed: ['--accept-data-loss'],
    place: 'undo_values:running',
    command: './tiny install --rollback-to namespace --accept-data-loss',
  },
  {
    // The step's line is on the screen.
    flow: 'uninstall',
    before: ['install'],
    typed: ['--confirm', 'tiny'],
    place: 'uninstall_release:verified',
    command: './tiny uninstall --confirm tiny',
  },
];

for (const { command, ...row } of rows) {
  test(`Ctrl-C at ${row.place}: no line stays half drawn, and the hint is the command that resumes`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'interrupted-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [here, go] = [join(folder, 'here'), join(folder, 'go')];
    const given: Given = { ...row, here, go };
    const json = JSON.stringify(given).replaceAll("'", `'\\''`);
    using terminal = onTerminal(`${process.execPath} ${child} '${json}'`);
    for (let waited = 0; !existsSync(here) && waited < 60_000; waited += 20) await sleep(20);
    assert.ok(existsSync(here), terminal.text);
    terminal.type('\u0003');
    await terminal.shows(/\^C/);
    writeFileSync(go, '');
    assert.equal(await terminal.exitCode(), 130, terminal.text);
    const screen = terminal.screen.join('\n');
    assert.doesNotMatch(screen, /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/);
    assert.doesNotMatch(screen, /continues to its end/);
    assert.match(screen, /stopped by SIGINT/);
    assert.ok(screen.includes(`\ntry: ${command}\nlog: `), screen);
  });
}
