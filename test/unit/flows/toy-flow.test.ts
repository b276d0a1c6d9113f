import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EngineEvent } from '../../../src/engine/events.ts';
import { readState } from '../../../src/engine/state.ts';
import type { Step } from '../../../src/engine/step.ts';
import type { Decision, Flow, FlowContext, FlowOptions } from '../../../src/flows/flow.ts';
import { runFlow } from '../../../src/flows/run-flow.ts';
import { thisMachine } from '../../../src/session/machine.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

/** A whole flow for a test product: three steps that write a file each. */

const toyStep = (id: string, ...needs: string[]): Step<FlowContext & { folder: string }> => ({
  id,
  title: `Write ${id}`,
  needs,
  midpoint: 'written',
  revision: 1,
  inputs: () => ({}),
  plan: async () => ({ action: 'run', summary: `writes ${id}` }),
  async run({ folder }, io) {
    writeFileSync(join(folder, id), id);
    await io.midpoint();
    return { [id]: 'written' };
  },
});

const toyFlow: Flow<FlowOptions, Decision, FlowContext & { folder: string }> = {
  name: 'toy',
  words: 'toy',
  assertOptions: () => {},
  locksFirst: ({ installer }) => existsSync(installer),
  decide: async () => ({ fresh: false, notes: ['this is a toy'] }),
  context: async ({ paths, release }) => ({
    from: null,
    to: release.version,
    preflight: undefined,
    folder: paths.folder,
  }),
  steps: () => [toyStep('one'), toyStep('two', 'one'), toyStep('three', 'two')],
  summarize: ({ to }, { ran }) => ({ lines: [`toy ${to}: ${ran.join(', ')}`], data: { ran } }),
};

const skip = process.geteuid?.() === 0 ? false : 'a flow needs root';

test('a flow is a value: planned, run, recorded and logged by the one runner', { skip }, async () => {
  const folder = mkdtempSync('/var/lib/toy-flow-');
  const payload = await makeTinyPayload({ product: { folder: join(folder, 'toy') } });
  const events: EngineEvent[] = [];
  const ports = {
    machine: { ...thisMachine, executable: payload.path },
    emit: (event: EngineEvent) => void events.push(event),
    signal: new AbortController().signal,
    insist: new AbortController().signal,
    program: './tiny',
    again: () => './tiny toy',
    confirm: undefined,
  };
  const options = { dryRun: false, preflightOnly: false, reverify: false };
  try {
    const { plan } = await runFlow(toyFlow, { ...options, dryRun: true }, ports);
    assert.deepEqual(
      plan?.steps.map(({ action, summary }) => [action, summary]),
      ['one', 'two', 'three'].map((id) => ['run', `writes ${id}`]),
    );
    assert.ok(!existsSync(join(folder, 'toy')), 'a dry run changes nothing');
    const result = await runFlow(toyFlow, options, ports);
    assert.deepEqual(result.data, { ran: ['one', 'two', 'three'] });
    assert.equal(readFileSync(join(folder, 'toy/three'), 'utf8'), 'three');
    const { run } = (await readState(join(folder, 'toy/.installer/state.json')))!;
    assert.deepEqual([run?.flow, run?.status], ['toy', 'completed']);
    const log = readFileSync(join(folder, `toy/.installer/logs/${run?.id}.jsonl`), 'utf8');
    assert.match(log, /"line":"this is a toy"[^]*"type":"RESULT"[^\n]*"status":"completed"/);
    assert.ok(events.some((event) => event.type === 'run.completed'));
  } finally {
    payload.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
