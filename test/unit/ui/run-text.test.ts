import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runTitle } from '../../../src/ui/run-text.ts';
import { runStarted } from './fake-output.ts';

test('the heading of a run has both versions where there are two', () => {
  assert.ok(runStarted.type === 'run.started');
  const event = { ...runStarted, run: 'RUN', flow: 'uninstall' };
  const title = (from: string | null, to: string) => runTitle({ ...event, from, to });
  assert.equal(title('2026.2', '2026.2'), 'uninstall 2026.2, run RUN');
  assert.equal(title(null, '2026.2'), 'uninstall 2026.2, run RUN');
  assert.equal(title('2026.1', '2026.2'), 'uninstall 2026.1 -> 2026.2, run RUN');
});
