import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventSchema } from '../../../src/engine/events.ts';
import { jsonRenderer } from '../../../src/ui/json-renderer.ts';
import { bytes, ManualClock, oneOfEach, started, TextOutput } from './fake-output.ts';

test('each event is one line that fits the documented schema', () => {
  const output = new TextOutput();
  const renderer = jsonRenderer(output, new ManualClock());
  for (const event of oneOfEach) renderer.handle(event);
  renderer.close();
  assert.deepEqual(
    output.lines.map((line) => eventSchema.parse(JSON.parse(line))),
    oneOfEach,
  );
});

test('progress is thinned to four lines a second for each step', () => {
  const output = new TextOutput();
  const clock = new ManualClock();
  const renderer = jsonRenderer(output, clock);
  renderer.handle(started('a'));
  for (let count = 0; count < 1000; count += 1) {
    renderer.handle(bytes('a', count, 1000));
    renderer.handle(bytes('b', count, 1000));
    clock.advance(1);
  }
  assert.equal(output.lines.length, 1 + 2 * 4);
});
