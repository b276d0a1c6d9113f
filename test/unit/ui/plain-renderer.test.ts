import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainRenderer } from '../../../src/ui/plain-renderer.ts';
import { bytes, completed, ManualClock, oneOfEach, runStarted, started, TextOutput } from './fake-output.ts';

test('each event is a line with a timestamp, without escapes', () => {
  const output = new TextOutput();
  const renderer = plainRenderer(output, { clock: new ManualClock() });
  for (const event of oneOfEach) renderer.handle(event);
  renderer.close();
  for (const line of output.lines) assert.match(line, /^2026-11-22T15:04:05Z .*\S/);
  assert.doesNotMatch(output.text, /\p{Cc}(?<!\n)/u);
  for (const part of [
    'upgrade 2026.1 -> 2026.2, run 20261122T150405Z-upgrade',
    'upgrade_preflight: skipped, completed at noon',
    'upgrade_load_images: | unpacking',
    'upgrade_load_images: WARNING: disk is nearly full',
    'upgrade_load_images: done in 1.5 s',
    'upgrade_health_backend: FAILED after 1 m 01 s: the backend answers 503',
    'caused by: connection refused',
    'try: kubectl get pods',
  ]) {
    assert.ok(output.text.includes(part), `${part} is missing in\n${output.text}`);
  }
});

test('a long step says at least once a minute how far it is, and no more once it has ended', () => {
  const output = new TextOutput();
  const clock = new ManualClock();
  const renderer = plainRenderer(output, { clock });
  renderer.handle(runStarted);
  renderer.handle(started('upgrade_load_images'));
  renderer.handle(bytes('upgrade_load_images', 512 * 2 ** 20, 2 ** 30, 'an image'));
  for (let minute = 1; minute <= 5; minute += 1) {
    const before = output.lines.length;
    clock.advance(60_000);
    assert.ok(output.lines.length > before, `minute ${minute}`);
  }
  assert.match(
    output.lines.at(-1) ?? '',
    /upgrade_load_images: still running, 5 m 00 s, 512 MiB of 1\.00 GiB, an image/,
  );
  renderer.handle(completed('upgrade_load_images'));
  const before = output.lines.length;
  clock.advance(600_000);
  assert.equal(output.lines.length, before);
  renderer.close();
  assert.equal(clock.timers, 0);
});
