import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as z from 'zod';
import type { Step } from '../../../src/engine/step.ts';
import type { Decision, Flow, FlowContext, FlowOptions } from '../../../src/flows/flow.ts';
import { runFlow } from '../../../src/flows/run-flow.ts';
import { thisMachine } from '../../../src/session/machine.ts';
import { makeTinyPayload } from '../../fixtures/tiny-payload.ts';

/** A complete flow for a test product: three steps that write a file each. */
type ToyContext = FlowContext & { folder: string };

const toyStep = (id: string, ...needs: string[]): Step<ToyContext> => ({
  id,
  out: z.record(z.string(), z.string()),
  title: `Write ${id}`,
  needs,
  revision: 1,
  inputs: () => ({}),
  plan: async () => ({ action: 'run', summary: `writes ${id}` }),
  async run({ folder }) {
    writeFileSync(join(folder, id), id);
    return { [id]: 'written' };
  },
});

const toyFlow: Flow<FlowOptions, Decision, ToyContext> = {
  name: 'toy',
  command: 'toy',
  assertOptions: () => {},
  locksFirst: ({ installer }) => existsSync(installer),
  decide: async () => ({ fresh: false, notes: ['this is a toy'] }),
  context: async ({ paths: { folder }, release: { version: to } }) => ({
    from: null,
    to,
    preflight: undefined,
    folder,
  }),
  steps: () => [toyStep('one'), toyStep('two', 'one'), toyStep('three', 'two')],
  summarize: ({ to }, { ran }) => ({ lines: [`toy ${to}: ${ran.join(', ')}`], data: { ran } }),
};

const skip = process.geteuid?.() === 0 ? false : 'a flow needs root';

test('a flow is a value: planned, run, recorded and logged by the one runner', { skip }, async () => {
  const root = mkdtempSync('/var/lib/toy-flow-');
  const folder = join(root, 'toy');
  const payload = await makeTinyPayload({ product: { folder } });
  const machine = { ...thisMachine, executable: payload.path };
  const { signal } = new AbortController();
  const again = () => './tiny toy';
  const ports = { machine, emit() {}, signal, insist: signal, program: './tiny', again, confirm: undefined };
  const options = { dryRun: false, preflightOnly: false, reverify: false };
  try {
    const { plan } = await runFlow(toyFlow, { ...options, dryRun: true }, ports);
    assert.equal(plan?.steps.map(({ summary }) => summary).join(), 'writes one,writes two,writes three');
    assert.deepEqual(readdirSync(root), [], 'a dry run changes nothing');
    const { data } = await runFlow(toyFlow, options, ports);
    assert.deepEqual(
      [data, readdirSync(folder)],
      [{ ran: ['one', 'two', 'three'] }, ['.installer', 'one', 'three', 'two']],
    );
    const [log = ''] = readdirSync(join(folder, '.installer/logs'));
    const text = readFileSync(join(folder, '.installer/logs', log), 'utf8');
    assert.match(text, /"line":"this is a toy"[^]*"type":"RESULT"[^\n]*"status":"completed"/);
  } finally {
    payload.remove();
    rmSync(root, { recursive: true, force: true });
  }
});
