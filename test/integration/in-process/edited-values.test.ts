import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { signalAt } from '../../fixtures/in-process-host/faults.ts';
import { SimulatedHost } from '../../fixtures/in-process-host/host.ts';
import type { Invocation, Watcher } from '../../fixtures/in-process-host/host.ts';
import { stepsOf } from '../../fixtures/in-process-host/graphs.ts';

/** An operator who fixes the values file between two attempts at an install means it to be deployed. */

let host: SimulatedHost;

before(async () => {
  host = await SimulatedHost.start();
});
after(() => host.close());

/** Names the verbs of Helm that change the release. */
function helmDeployments(into: string[]): Watcher {
  return (event) => {
    if (event.kind !== 'program' || event.phase !== 'before') return undefined;
    const [program = '', verb = ''] = event.argv;
    if (program.endsWith('/helm') && ['install', 'upgrade'].includes(verb)) into.push(verb);
    return undefined;
  };
}

const resumedEvent = ({ shown }: Invocation) => shown.find((event) => event.type === 'run.resumed');

test('an install that resumes deploys again only what was changed since Helm had its values', async () => {
  const last = stepsOf.install.at(-1)?.id ?? '';
  const stopped = await host.run('install', signalAt(`${last}:running`, 'SIGINT').watch);
  assert.equal(stopped.exitCode, 130);

  const world = host.copy();
  const untouched: string[] = [];
  const resumed = await host.run('install', helmDeployments(untouched));
  assert.equal(resumed.exitCode, 0);
  assert.deepEqual(resumedEvent(resumed)?.again, []);
  assert.deepEqual(untouched, []);

  host.become(world);
  const values = join(host.folder, 'tiny.values.yaml');
  writeFileSync(values, `${readFileSync(values, 'utf8')}extra: "mended"\n`);
  const edited: string[] = [];
  const mended = await host.run('install', helmDeployments(edited));
  assert.equal(mended.exitCode, 0);
  assert.deepEqual(resumedEvent(mended)?.again[0], {
    step: 'values',
    why: `its result is no longer valid: ${values} was edited`,
  });
  assert.deepEqual(edited, ['upgrade']);
});
