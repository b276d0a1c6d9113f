import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asTold } from '../../fixtures/as-told.ts';
import { planSteps } from '../../../src/engine/plan-steps.ts';
import type { Preview, Step } from '../../../src/engine/step.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { invoke, openJournal, step, type StepOptions, type World } from './sample-graph.ts';

const previewed = (
  id: string,
  options: StepOptions,
  preview: (signal: AbortSignal) => Promise<Preview>,
): Step<World> => ({ ...step(id, options), preview: (_, signal) => preview(signal) });

const { signal } = new AbortController();

test('a fresh plan runs every step, with its preview, and changes nothing', async () => {
  const world: World = { effects: [] };
  const steps = [
    step('a'),
    previewed('b', { needs: ['a'] }, async () => ({ brief: 'few', details: ['x'], data: { y: 1 } })),
    step('c', { needs: ['b'], plan: () => 'skip' }),
  ];
  const plan = await planSteps({ steps, ctx: world, run: undefined, signal });
  const why = undefined;
  assert.deepEqual(plan, [
    { id: 'a', title: 'Step a', action: 'run', summary: 'does a', why, details: [], data: {} },
    {
      id: 'b',
      title: 'Step b',
      action: 'run',
      summary: 'does b',
      why,
      brief: 'few',
      details: ['x'],
      data: { y: 1 },
    },
    { id: 'c', title: 'Step c', action: 'skip', summary: 'nothing to do for c', why, details: [], data: {} },
  ]);
  assert.deepEqual(world.effects, []);
});

test('the plan of a run that resumes is what the run then does', async () => {
  for (const changed of ['none', 'a', 'b']) {
    const host = { disk: new FaultyDisk(), world: { effects: [] as string[] }, events: [] };
    let inputs = '';
    let broken = true;
    const graph = (): Step<World>[] => [
      step('a', { inputs: () => ({ inputs: inputs === 'a' ? 2 : 1 }) }),
      step('b', { needs: ['a'], inputs: () => ({ inputs: inputs === 'b' ? 2 : 1 }) }),
      step('side', { needs: ['a'], plan: () => 'skip' }),
      step('c', {
        needs: ['b', 'side'],
        run: (_, world) => {
          if (broken) throw new Error('broken');
          world.effects.push('c');
          return {};
        },
      }),
    ];
    await assert.rejects(invoke(host, graph()));
    inputs = changed;
    broken = false;
    const before = await host.disk.read('/product/.installer/state.json');
    const journal = await openJournal(host.disk);
    const plan = await planSteps({ steps: graph(), ctx: host.world, run: journal.run, signal });
    assert.equal(await host.disk.read('/product/.installer/state.json'), before);
    const planned = (action: string) => plan.filter((one) => one.action === action).map(({ id }) => id);
    const result = await invoke(host, graph());
    assert.deepEqual(planned('run').sort(), result.ran.sort(), changed);
    assert.deepEqual([...planned('done'), ...planned('skip')].sort(), result.skipped.sort(), changed);
    assert.ok(plan.find(({ id }) => id === 'c')?.why?.includes('an earlier attempt failed'));
  }
});

test('what cannot be asked is reported as not known, and hides nothing else', async () => {
  const steps = [
    previewed('down', {}, () => Promise.reject(new Error('the database is down'))),
    previewed('slow', {}, () => new Promise(() => {})),
    { ...step('unsure'), plan: () => Promise.reject(new Error('no idea')) },
    step('good', { needs: ['down', 'slow'] }),
  ];
  // Nothing else keeps a test alive that waits for a signal's time.
  const alive = setTimeout(() => {}, 10_000);
  const plan = await planSteps({ steps, ctx: { effects: [] }, run: undefined, signal, timeoutMs: 50 });
  clearTimeout(alive);
  assert.deepEqual(
    plan.map(({ id, action, notKnown }) => [id, action, asTold(notKnown)]),
    [
      ['down', 'run', 'the database is down'],
      ['slow', 'run', 'no answer within 0.05 s'],
      ['unsure', 'run', 'no idea'],
      ['good', 'run', undefined],
    ],
  );
});

test('a plan ends when it is stopped', async () => {
  const stop = new AbortController();
  const steps = [previewed('slow', {}, () => new Promise(() => {}))];
  const planning = planSteps({ steps, ctx: { effects: [] }, run: undefined, signal: stop.signal });
  stop.abort(new Error('stopped'));
  await assert.rejects(planning, /stopped/);
});
