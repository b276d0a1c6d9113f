import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError } from '../../../src/errors.ts';
import { restoreHelp } from '../../../src/commands/restore-help.ts';

const rows: [args: (string | undefined)[], options: Record<string, string | boolean>, message: RegExp][] = [
  [[], { discard: true, chartOnly: true }, /--chart-only is of no use with --discard/],
  [[], { undo: true, dataOnly: true }, /--data-only is of no use with --undo/],
  [[], { undo: true, dumpVersion: '2026.1' }, /--dump-version is of no use with --undo/],
  [[], { chartOnly: true, skipBackup: true }, /--skip-backup is of no use with --chart-only/],
  [[], { chartOnly: true, dataOnly: true }, /--data-only is of no use with --chart-only/],
  [[], { dataOnly: true, package: 'x' }, /--package is of no use with --data-only/],
  [[], { dumpVersion: 'new' }, /--dump-version: "new" is no release/],
  [[], { dumpSchema: '-1' }, /--dump-schema: "-1" is no number/],
];
const check = (args: (string | undefined)[], options: Record<string, string | boolean>) =>
  restoreHelp.check?.({ args, options, program: './p' } as never);

for (const [args, options, message] of rows) {
  test(`restore with ${JSON.stringify([args, options])} is refused`, () => {
    assert.throws(
      () => check(args, options),
      (error) => error instanceof IvaapError && error.code === 'usage' && message.test(error.message),
    );
  });
}

test('what belongs together is taken', () => {
  check(['x.sql'], { dumpVersion: '2026.1', dumpSchema: '3', package: 'x', skipBackup: true });
  check(['before'], { chartOnly: true, package: 'x' });
  check([undefined], { undo: true, package: 'x', skipBackup: true });
  check(['ivaapdb_moved_20260131T235959_1'], { undo: true });
  check([], { dataOnly: false, discard: true });
});
