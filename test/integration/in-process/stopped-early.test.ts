import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { describeError, stopRequest } from '../../../src/errors.ts';
import { installFlow } from '../../../src/flows/install/flow.ts';
import { runRepairState } from '../../../src/flows/repair-state/repair-state.ts';
import type { FlowPorts } from '../../../src/session/ports.ts';
import { runFlow } from '../../../src/flows/run-flow.ts';
import { upgradeFlow } from '../../../src/flows/upgrade/flow.ts';
import { createRunner, type RunOptions } from '../../../src/host/runner.ts';
import {
  type DeployFlow,
  noAnswers,
  SimulatedHost,
  type World,
} from '../../fixtures/in-process-host/host.ts';

/**
 * A stop before a run starts is followed at once, whatever hangs just then and however: it ends with 130 or
 * 143, and nothing was changed.
 */

let host: SimulatedHost;
let worlds: Record<DeployFlow | 'rollback', World>;

before(async () => {
  host = await SimulatedHost.start();
  const install = host.copy();
  assert.equal((await host.run('install')).exitCode, 0);
  worlds = { install, upgrade: host.copy(), rollback: host.copy() };
});
after(() => host.close());
beforeEach(() => host.become(worlds.upgrade));

/** A program that hears no SIGTERM. It would end by itself long after a stop must have been followed. */
const deaf = [
  'sh',
  '-c',
  'trap "" TERM; i=0; while test $i -lt 60; do sleep 0.1; i=$((i+1)); done; exit 1',
] as const;
const enoughMs = 3000;

/** The flow's machine, on which the `nth` call of kubectl hangs; `hangs` is reported when it does. */
function hanging(flow: DeployFlow | 'rollback', nth: number, hangs: () => void): FlowPorts['machine'] {
  const machine = host.machine(flow);
  let calls = 0;
  return {
    ...machine,
    createRunner: (settings) => {
      const simulated = machine.createRunner(settings);
      return {
        run: (argv, options: RunOptions = {}) => {
          if (argv[1] !== 'kubectl' || ++calls !== nth) return simulated.run(argv, options);
          setTimeout(hangs, 100);
          const { signal, graceMs } = options;
          return createRunner().run(deaf, {
            ...(signal === undefined ? {} : { signal }),
            ...(graceMs === undefined ? {} : { graceMs }),
          });
        },
      };
    },
  };
}

const common = { yes: true, dryRun: false, preflightOnly: false, reverify: false, supersede: false };
const upgradeOptions = {
  ...common,
  skipBackup: false,
  acceptUnsupported: false,
  reapply: false,
  imagesFrom: 'auto',
  refreshArchives: false,
  forceConflicts: false,
  trustKey: undefined,
  waive: [],
} as const;
const license = () => `${host.root}/license.json`;
const commands: Record<
  string,
  { flow: DeployFlow | 'rollback'; run: (ports: FlowPorts) => Promise<unknown> }
> = {
  install: {
    flow: 'install',
    run: (ports) => {
      const answers = { ...noAnswers, fqdn: 'tiny.example', license: license() };
      return runFlow(installFlow, { ...common, ...answers, resume: false, waive: [] }, ports);
    },
  },
  upgrade: { flow: 'upgrade', run: (ports) => runFlow(upgradeFlow, upgradeOptions, ports) },
  'dry run': {
    flow: 'upgrade',
    run: (ports) => runFlow(upgradeFlow, { ...upgradeOptions, dryRun: true }, ports),
  },
  'repair of the state': {
    flow: 'upgrade',
    run: (ports) => runRepairState({ yes: true, dryRun: false }, ports),
  },
};

for (const [name, { flow, run }] of Object.entries(commands)) {
  for (const [signal, exitCode, nth] of [
    ['SIGINT', 130, 1],
    ['SIGTERM', 143, 3],
  ] as const) {
    test(`${signal} while call ${nth} of kubectl hangs: ${name} ends with ${exitCode} within seconds`, async () => {
      host.become(worlds[flow]);
      const state = JSON.stringify(host.state());
      const stop = new AbortController();
      let stoppedAt = Infinity;
      const machine = hanging(flow, nth, () => {
        stoppedAt = performance.now();
        stop.abort(stopRequest(signal));
      });
      const ports: FlowPorts = {
        machine,
        emit: () => {},
        signal: stop.signal,
        insist: new AbortController().signal,
        program: './tiny',
        again: () => './tiny',
        confirm: undefined,
      };
      const error: unknown = await run(ports).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      const tookMs = performance.now() - stoppedAt;
      assert.equal(describeError(error).exitCode, exitCode, String(error));
      assert.ok(tookMs < enoughMs, `${Math.round(tookMs)} ms`);
      assert.equal(JSON.stringify(host.state()), state);
    });
  }
}
