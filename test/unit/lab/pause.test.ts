import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { isStatic, pauseFault } from '../../lab/pause.ts';

const busybox = '/bin/busybox';

test('a program that needs a loader is distinguished from one that needs none', () => {
  assert.equal(isStatic('/bin/sh'), false);
  assert.equal(isStatic('/etc/passwd'), undefined);
  if (existsSync(busybox)) assert.equal(isStatic(busybox), true);
});

test('the pause image of a program that needs a loader is seen not to run, before a pod waits for it', async () => {
  assert.match((await pauseFault('/bin/sh')) ?? '', /No such file or directory/);
  if (existsSync(busybox)) assert.equal(await pauseFault(busybox), undefined);
});
