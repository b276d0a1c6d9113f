import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { causeChain, IvaapError } from '../../../src/errors.ts';
import { unmarked } from '../../../src/foreign.ts';
import { type Invocation, SimulatedHost, type World } from '../../fixtures/in-process-host/host.ts';
import { statusLines } from '../../../src/ui/status-text.ts';

/** A host from which k3s was removed: what every command says of it, and of a state that is damaged too. */

let host: SimulatedHost;
let installed: World;

before(async () => {
  host = await SimulatedHost.start();
  assert.equal((await host.run('install')).exitCode, 0);
  installed = host.copy();
  rmSync(join(host.root, 'k3s'));
});
after(() => host.close());
beforeEach(() => host.become(installed));

const stateFile = () => join(host.folder, '.installer/state.json');
const installIt =
  'install k3s ("k3s is not installed" in docs/operators.md), then run the same command again';

function refusal({ exitCode, error }: Invocation): string {
  assert.ok(error instanceof IvaapError, String(error));
  assert.equal(exitCode, 3, error.message);
  assert.equal(error.hint, installIt);
  const text = unmarked([...causeChain(error), ...(error.facts ?? [])].join('\n'));
  assert.match(text, /k3s is not installed on this host/);
  assert.doesNotMatch(text, /systemctl/);
  return text;
}

const damages: Record<string, { make(): void; says: RegExp }> = {
  'cut off': {
    make: () => writeFileSync(stateFile(), readFileSync(stateFile()).subarray(0, 700)),
    says: /is damaged: its 700 characters are not complete JSON/,
  },
  'of a wrong type': {
    make: () => {
      const state = JSON.parse(readFileSync(stateFile(), 'utf8')) as object;
      writeFileSync(stateFile(), JSON.stringify({ ...state, history: 5 }));
    },
    says: /is damaged: history is 5 \(expected: a list\)/,
  },
};

for (const [name, { make, says }] of Object.entries(damages)) {
  test(`of a state that is ${name}, repair-state and status say that, and that k3s is not installed`, async () => {
    make();
    const kept = readFileSync(stateFile(), 'utf8');
    const text = refusal(await host.repair('upgrade'));
    assert.match(text, says);
    assert.doesNotMatch(text, /there is no/);
    const { host: found, ...rest } = await host.status('upgrade');
    assert.match(unmarked(found?.advice.message ?? ''), says);
    assert.match(found?.advice.message ?? '', /k3s is not installed/);
    assert.equal(found?.advice.hint, installIt);
    assert.doesNotMatch(statusLines({ host: found, ...rest }).join('\n'), /there is no|systemctl/);
    assert.equal(readFileSync(stateFile(), 'utf8'), kept);
  });
}

test('a state that is not there is called that, and one that is whole is not called damaged', async () => {
  refusal(await host.run('upgrade'));
  assert.match(refusal(await host.repair('upgrade')), /the state can be read, and the cluster could not/);
  rmSync(stateFile());
  for (const run of [await host.run('upgrade'), await host.run('install'), await host.repair('upgrade')]) {
    refusal(run);
  }
  assert.match(refusal(await host.repair('upgrade')), /there is no .*state\.json/);
});
