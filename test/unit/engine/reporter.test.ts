import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EngineEvent, eventsVersion } from '../../../src/engine/events.ts';
import { Reporter } from '../../../src/engine/reporter.ts';

const clock = { now: () => new Date(0), monotonicMs: () => 0 };
const at = '1970-01-01T00:00:00.000Z';

test('what is reported is stamped and redacted before it is drawn', () => {
  const drawn: EngineEvent[] = [];
  const { report, warn, redactor } = new Reporter({ draw: (event) => drawn.push(event), clock });
  redactor.add('canary-5f2c9e');
  warn('its password is canary-5f2c9e');
  report({ type: 'message', level: 'info', line: 'of earlier', at: '1969-12-31T00:00:00.000Z' });
  assert.deepEqual(drawn, [
    { type: 'message', at, level: 'warning', line: 'its password is [redacted]' },
    { type: 'message', at: '1969-12-31T00:00:00.000Z', level: 'info', line: 'of earlier' },
  ]);
  assert.deepEqual(Object.keys(drawn[0] ?? {}).slice(0, 2), ['type', 'at'], 'as readers of lines expect it');
});

test('what was said before a secret was known is redacted in the log, which is written later', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reporter-'));
  try {
    const reporter = new Reporter({ draw: () => {}, clock });
    reporter.warn('canary-5f2c9e is what it said');
    reporter.redactor.add('canary-5f2c9e');
    reporter.log.place({ folder, by: 'olga', redactor: reporter.redactor });
    const run = {
      version: eventsVersion as typeof eventsVersion,
      run: 'r',
      flow: 'toy',
      from: null,
      to: '1',
      resumed: false,
    };
    reporter.report({ type: 'run.started', ...run, steps: [] });
    reporter.record({ type: 'result', lines: ['done, canary-5f2c9e'], data: {} });
    reporter.log.end({ status: 'failed', exitCode: 6, message: 'canary-5f2c9e' });
    const log = readFileSync(join(folder, 'r.jsonl'), 'utf8');
    assert.ok(!log.includes('canary'), log);
    assert.equal(log.match(/\[redacted\]/g)?.length, 3);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
