import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IvaapError, stopRequest } from '../../../src/errors.ts';
import { eventSchema } from '../../../src/engine/events.ts';
import type { StepIo } from '../../../src/engine/step.ts';
import { resumeLines } from '../../../src/ui/resume-text.ts';
import { FaultyDisk } from './faulty-disk.ts';
import type { Host } from './sample-graph.ts';
import { gate, invoke, openJournal, runSpec, step } from './sample-graph.ts';

const newHost = (): Host => ({ disk: new FaultyDisk(), world: { effects: [] }, events: [] });
const types = (host: Host) => host.events.map(({ type }) => type);

function fails(code: string, pattern: RegExp, stepId?: string) {
  return (error: unknown) => {
    assert.ok(error instanceof IvaapError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    if (stepId !== undefined) assert.equal(error.step, stepId);
    return true;
  };
}

/** An AbortError once the signal is aborted, as a well-behaved step throws it. */
const whenAborted = (io: StepIo) =>
  new Promise<never>((_, reject) => {
    io.signal.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
  });

test('a chain runs in the order of its needs and gives outputs, durations and the installed release', async () => {
  const host = newHost();
  const steps = [step('c', { needs: ['b'] }), step('a'), step('b', { needs: ['a'] })];
  const key = 'f'.repeat(64);
  const result = await invoke(host, steps, { run: { ...runSpec, key } });
  assert.deepEqual(host.world.effects, ['a', 'b', 'c']);
  assert.deepEqual(result.ran, ['a', 'b', 'c']);
  assert.deepEqual(result.outputs, { a: { a: 'done' }, b: { b: 'done' }, c: { c: 'done' } });
  assert.deepEqual(Object.keys(result.durationsMs), ['a', 'b', 'c']);
  const { state } = await openJournal(host.disk);
  assert.equal(state.run?.status, 'completed');
  assert.equal(state.installed?.version, '2026.2');
  assert.equal(state.installed.key, key);
  assert.deepEqual(state.derived, { a: 'done', b: 'done', c: 'done' });
});

test('a wrong graph is a defect and nothing is written', async () => {
  for (const [steps, pattern] of [
    [[step('a', { needs: ['x'] })], /a needs x/],
    [[step('a', { needs: ['b'] }), step('b', { needs: ['a'] })], /a -> b -> a/],
    [[step('a'), step('a')], /same id/],
  ] as const) {
    const host = newHost();
    await assert.rejects(invoke(host, [...steps]), fails('bug', pattern));
    assert.equal(host.disk.operations, 0);
  }
});

test('steps that do not need each other run in parallel, and a later one waits for both', async () => {
  const host = newHost();
  const leftRuns = gate();
  const rightRuns = gate();
  await invoke(host, [
    step('left', {
      run: async (_, world) => {
        leftRuns.open();
        await rightRuns.opened;
        world.effects.push('left');
        return {};
      },
    }),
    step('right', {
      run: async (_, world) => {
        rightRuns.open();
        await leftRuns.opened;
        world.effects.push('right');
        return {};
      },
    }),
    step('last', { needs: ['left', 'right'] }),
  ]);
  assert.equal(host.world.effects.at(-1), 'last');
  assert.equal(host.world.effects.length, 3);
});

test('when a step fails, its sibling is asked to stop and waited for, nothing new starts, the first failure counts', async () => {
  const host = newHost();
  const siblingRuns = gate();
  await assert.rejects(
    invoke(host, [
      step('slow', {
        run: async (io, world) => {
          siblingRuns.open();
          await whenAborted(io).catch(() => world.effects.push('slow tidied up'));
          throw new DOMException('stopped', 'AbortError');
        },
      }),
      step('broken', {
        run: async () => {
          await siblingRuns.opened;
          throw new IvaapError('rolled_back', 'it broke', { hint: 'look', output: 'last words' });
        },
      }),
      step('next', { needs: ['broken'] }),
    ]),
    fails('rolled_back', /it broke/, 'broken'),
  );
  assert.deepEqual(host.world.effects, ['slow tidied up']);
  const { run } = await openJournal(host.disk);
  assert.equal(run?.status, 'failed');
  assert.equal(run.error?.step, 'broken');
  assert.deepEqual(Object.keys(run.steps).sort(), ['broken', 'slow']);
  assert.equal(run.steps['slow']?.status, 'failed');
  assert.match(run.steps['slow'].error?.message ?? '', /stopped because step broken failed/);
  const failed = host.events.at(-1);
  assert.equal(failed?.type, 'run.failed');
  assert.equal(failed.error.exitCode, 7);
  assert.equal(failed.error.output, 'last words');
});

test('a sibling whose program was stopped says why, and blames nobody who asked for nothing', async () => {
  const host = newHost();
  const siblingRuns = gate();
  const steps = [
    step('broken', {
      run: async () => {
        await siblingRuns.opened;
        throw new IvaapError('failed', 'the dump broke off');
      },
    }),
    step('loading', {
      run: async (io) => {
        siblingRuns.open();
        await whenAborted(io).catch(() => {
          const cause = Object.assign(new Error('ctr was stopped on request'), { reason: 'aborted' });
          throw new IvaapError('failed', 'ctr images import was stopped on request', { cause });
        });
        return {};
      },
    }),
  ];
  await assert.rejects(invoke(host, steps), fails('failed', /the dump broke off/, 'broken'));
  const { state } = await openJournal(host.disk);
  assert.equal(state.run?.steps['loading']?.error?.message, 'stopped because step broken failed');
});

test('a step whose work is worth hours is let finish when its sibling fails, and is not done again', async () => {
  const host = newHost();
  const dumping = gate();
  const failed = gate();
  let broken = true;
  const steps = () => [
    step('dump', {
      finishes: true,
      run: async (io, world) => {
        dumping.open();
        await failed.opened;
        assert.equal(io.signal.aborted, false);
        world.effects.push('dump');
        return { dump: 'whole' };
      },
    }),
    step('load', {
      run: async (_, world) => {
        await dumping.opened;
        if (broken) {
          setTimeout(() => failed.open(), 5);
          throw new IvaapError('failed', 'no room for images');
        }
        world.effects.push('load');
        return {};
      },
    }),
    step('next', { needs: ['dump', 'load'] }),
  ];
  await assert.rejects(invoke(host, steps()), fails('failed', /no room for images/, 'load'));
  const said = host.events.flatMap((event) => (event.type === 'message' ? [event.line] : []));
  assert.deepEqual(said, ['load failed; dump continues to its end, so that it need not run again']);
  broken = false;
  await invoke(host, steps());
  assert.deepEqual(host.world.effects, ['dump', 'load', 'next']);
});

test('a foreign error is a defect, but what the system refuses is a failure of the host', async () => {
  const enospc = Object.assign(new Error('no space left on device'), { code: 'ENOSPC', syscall: 'write' });
  await assert.rejects(
    invoke(newHost(), [step('a', { run: () => Promise.reject(enospc) })]),
    fails('failed', /disk is full/, 'a'),
  );
  await assert.rejects(
    invoke(newHost(), [step('a', { run: () => Promise.reject(new TypeError('x is undefined')) })]),
    fails('bug', /step a failed/, 'a'),
  );
});

test('a stop request lets the running step end, starts nothing new, and the next run resumes', async () => {
  for (const [signalName, code] of [
    ['SIGINT', 'interrupted'],
    ['SIGTERM', 'terminated'],
  ] as const) {
    const host = newHost();
    const stop = new AbortController();
    const steps = [
      step('a', {
        run: (io, world) => {
          stop.abort(stopRequest(signalName));
          assert.equal(io.signal.aborted, true);
          world.effects.push('a');
          return { a: 'done' };
        },
      }),
      step('b', { needs: ['a'] }),
    ];
    await assert.rejects(invoke(host, steps, { signal: stop.signal }), fails(code, /stopped by SIG/));
    const again = await invoke(host, steps);
    assert.equal(again.resumed, true);
    assert.deepEqual(host.world.effects, ['a', 'b']);
  }
});

test('a stopped step is never recorded as complete, and a rollback that it leaves behind gives the exit code', async () => {
  const host = newHost();
  const stop = new AbortController();
  const obeys = step('a', {
    run: (io) => {
      const ended = whenAborted(io);
      stop.abort(stopRequest('SIGINT'));
      return ended;
    },
  });
  await assert.rejects(invoke(host, [obeys], { signal: stop.signal }), fails('interrupted', /SIGINT/, 'a'));
  assert.equal((await openJournal(host.disk)).run?.steps['a']?.status, 'failed');

  const second = new AbortController();
  const rollsBack = step('a', {
    run: () => {
      second.abort(stopRequest('SIGTERM'));
      throw new IvaapError('rolled_back', 'taken back');
    },
  });
  await assert.rejects(
    invoke(newHost(), [rollsBack], { signal: second.signal }),
    fails('rolled_back', /taken/, 'a'),
  );
});

test('a stop request before the run writes nothing', async () => {
  const host = newHost();
  const stop = new AbortController();
  stop.abort(stopRequest('SIGTERM'));
  await assert.rejects(invoke(host, [step('a')], { signal: stop.signal }), fails('terminated', /SIGTERM/));
  assert.equal(host.disk.operations, 0);
});

test('a re-run resumes at the failed step', async () => {
  const host = newHost();
  let broken = true;
  const steps = [
    step('a'),
    step('b', {
      needs: ['a'],
      run: (_, world) => {
        if (broken) throw new IvaapError('failed', 'not yet');
        world.effects.push('b');
        return {};
      },
    }),
  ];
  await assert.rejects(invoke(host, steps), fails('failed', /not yet/, 'b'));
  broken = false;
  host.events.length = 0;
  const result = await invoke(host, steps);
  assert.deepEqual(host.world.effects, ['a', 'b']);
  assert.deepEqual([result.ran, result.skipped], [['b'], ['a']]);
  assert.deepEqual(result.outputs['a'], { a: 'done' });
  const started = host.events.find((event) => event.type === 'step.started');
  assert.match(
    started?.type === 'step.started' ? (started.why ?? '') : '',
    /earlier attempt failed: not yet/,
  );
});

/** Completes a, b and side, fails at the last step; then the same graph again with `change`. */
async function rerunWith(change: { a?: Parameters<typeof step>[1]; b?: Parameters<typeof step>[1] }) {
  const host = newHost();
  const graph = (a: Parameters<typeof step>[1], b: Parameters<typeof step>[1], last: boolean) => [
    step('a', a),
    step('b', { needs: ['a'], ...b }),
    step('side'),
    step('last', {
      needs: ['b', 'side'],
      run: () => {
        if (!last) throw new IvaapError('failed', 'stop here');
        return {};
      },
    }),
  ];
  await assert.rejects(invoke(host, graph({}, {}, false)));
  host.world.effects.length = 0;
  await invoke(host, graph(change.a ?? {}, change.b ?? {}, true));
  return host.world.effects;
}

test('changed inputs, a raised revision or a result that no longer holds run a step again, and what needs it', async () => {
  assert.deepEqual(await rerunWith({}), []);
  assert.deepEqual(await rerunWith({ a: { inputs: () => ({ x: 1 }) } }), ['a', 'b']);
  assert.deepEqual(await rerunWith({ a: { revision: 2 } }), ['a', 'b']);
  assert.deepEqual(await rerunWith({ b: { inputs: () => ({ x: 1 }) } }), ['b']);
  let asked = 0;
  const gone = () => {
    asked += 1;
    if (asked === 1) throw new Error('the file is gone');
  };
  assert.deepEqual(await rerunWith({ a: { verify: gone } }), ['a', 'b']);
});

test('the order in which inputs are listed is no change', async () => {
  const host = newHost();
  const graph = (inputs: () => { [key: string]: number }, broken: boolean) => [
    step('a', { inputs }),
    step('b', {
      needs: ['a'],
      run: () => {
        if (broken) throw new IvaapError('failed', 'stop here');
        return {};
      },
    }),
  ];
  await assert.rejects(
    invoke(
      host,
      graph(() => ({ x: 1, y: 2 }), true),
    ),
  );
  const { skipped } = await invoke(
    host,
    graph(() => ({ y: 2, x: 1 }), false),
  );
  assert.deepEqual(skipped, ['a']);
});

test('that a result is outdated survives a crash between the two steps', async () => {
  const host = newHost();
  const graph = (input: number, stopAfterA: AbortController, last: boolean) => [
    step('a', {
      inputs: () => ({ input }),
      run: (_, world) => {
        world.effects.push('a');
        if (input === 2) stopAfterA.abort(stopRequest('SIGINT'));
        return {};
      },
    }),
    step('b', { needs: ['a'] }),
    step('last', {
      needs: ['b'],
      run: () => {
        if (!last) throw new IvaapError('failed', 'stop here');
        return {};
      },
    }),
  ];
  const never = new AbortController();
  await assert.rejects(invoke(host, graph(1, never, false)));
  const stop = new AbortController();
  await assert.rejects(invoke(host, graph(2, stop, true), { signal: stop.signal }));
  await invoke(host, graph(2, never, true));
  assert.deepEqual(host.world.effects, ['a', 'b', 'a', 'b']);
});

test('verify is asked after run, and its complaint is the failure of the step', async () => {
  const host = newHost();
  const verify = () => {
    throw new IvaapError('failed', 'half of it is missing');
  };
  await assert.rejects(invoke(host, [step('a', { verify })]), fails('failed', /half/, 'a'));
  assert.equal((await openJournal(host.disk)).run?.steps['a']?.status, 'failed');
});

test('a step whose plan has nothing to do is recorded as skipped, with the reason, and what needs it runs', async () => {
  const host = newHost();
  const result = await invoke(host, [step('a', { plan: () => 'skip' }), step('b', { needs: ['a'] })]);
  assert.deepEqual([result.ran, result.skipped], [['b'], ['a']]);
  const { run } = await openJournal(host.disk);
  assert.equal(run?.steps['a']?.status, 'skipped');
  assert.equal(run.steps['a'].reason, 'nothing to do for a');
});

test('an earlier attempt hands what it recorded to the next one; results of other steps can be read', async () => {
  const host = newHost();
  let seen: unknown;
  let first = true;
  const steps = [
    step('a'),
    step('b', {
      needs: ['a'],
      run: async (io) => {
        if (first) {
          await io.record({ part: 1 });
          await io.record({ other: 2 });
          throw new IvaapError('failed', 'half way');
        }
        seen = { interrupted: io.interrupted, a: io.result(step('a')), none: io.result(step('b')) };
        return {};
      },
    }),
  ];
  await assert.rejects(invoke(host, steps));
  first = false;
  await invoke(host, steps);
  assert.deepEqual(seen, { interrupted: { part: 1, other: 2 }, a: { a: 'done' }, none: undefined });
});

test('every event that a run emits fits the documented schema', async () => {
  const host = newHost();
  const lively = step('b', {
    needs: ['a'],
    run: (io) => {
      io.progress({ done: 1, total: 2, unit: 'bytes', note: 'an image' });
      io.log('a line');
      io.warn('mind this');
      throw new IvaapError('failed', 'broken', { hint: 'mend', output: 'x', cause: new Error('y') });
    },
  });
  await assert.rejects(invoke(host, [step('a'), step('s', { plan: () => 'skip' }), lively]));
  await invoke(host, [step('a'), step('b', { needs: ['a'] })], { run: { ...runSpec, startedBy: 'op' } });
  for (const event of host.events) assert.deepEqual(eventSchema.parse(event), event);
  assert.deepEqual(
    new Set(types(host)),
    new Set([
      'run.started',
      'run.resumed',
      'step.started',
      'step.progress',
      'step.log',
      'step.warning',
      'step.completed',
      'step.skipped',
      'step.failed',
      'run.completed',
      'run.failed',
    ]),
  );
  const failed = host.events.find((event) => event.type === 'run.failed');
  assert.deepEqual(failed?.type === 'run.failed' ? failed.warnings : [], ['mind this']);
});

test('what a running step has passed is durable: nothing, each checkpoint, then that its result holds', async () => {
  const host = newHost();
  const places: (string | undefined)[] = [];
  const look = async () => {
    const found = (await openJournal(host.disk)).run?.steps['a'];
    assert.equal(found?.status, 'running');
    places.push(found.place);
  };
  const { sync } = host.disk;
  host.disk.sync = async (path) => {
    await sync.call(host.disk, path);
    const { place } = (await openJournal(host.disk)).run?.steps['a'] ?? {};
    if (place === 'verified' && places.at(-1) !== place) places.push(place);
  };
  const a = step('a', {
    run: async (io) => {
      await look();
      await io.checkpoint('halfway');
      await look();
      await io.checkpoint('nearly-done');
      await look();
      return {};
    },
    verify: () => void places.push('verify'),
  });
  await invoke(host, [a]);
  assert.deepEqual(places, [undefined, 'halfway', 'nearly-done', 'verify', 'verified']);
  assert.equal((await openJournal(host.disk)).run?.steps['a']?.place, undefined);
});

test('a run that resumes says who started it, where it ended, what is kept and what runs again; each result is asked for once', async () => {
  const host = newHost();
  let asked = 0;
  let outdated = false;
  const graph = (broken: boolean) => [
    step('a', { verify: () => void (asked += 1) }),
    step('side', {
      reuse: () => {
        if (outdated) throw new Error('it is older than 60 minutes');
      },
    }),
    step('b', {
      needs: ['a'],
      run: async (io) => {
        await io.checkpoint('halfway');
        if (broken) throw new IvaapError('failed', 'not yet');
        return {};
      },
    }),
  ];
  const begun: string[][] = [];
  const onBegun = (_: string, kept: string[]) => Promise.resolve(void begun.push(kept));
  const run = { ...runSpec, startedBy: 'olga' };
  await assert.rejects(invoke(host, graph(true), { run, onBegun }));
  assert.equal(
    host.events.some(({ type }) => type === 'run.resumed'),
    false,
  );
  asked = 0;
  outdated = true;
  const result = await invoke(host, graph(false), { run, onBegun });
  assert.equal(asked, 1);
  assert.deepEqual(result.skipped, ['a']);
  assert.deepEqual(begun, [[], ['a']]);
  const event = host.events.find(({ type }) => type === 'run.resumed');
  assert.ok(event?.type === 'run.resumed');
  assert.equal(event.by, 'olga');
  assert.deepEqual(
    event.kept.map(({ step: id }) => id),
    ['a'],
  );
  assert.deepEqual(
    event.again.map(({ step: id, why }) => [id, why]),
    [['side', 'its result is no longer valid: it is older than 60 minutes']],
  );
  assert.deepEqual(
    event.found.map(({ step: id, how, after, error }) => ({ id, how, after, error })),
    [{ id: 'b', how: 'failed', after: 'halfway', error: 'not yet' }],
  );
  assert.match(resumeLines(event).join('\n'), /started .* by olga\nfailed in b .*\ndone and kept: a /);
});

test('reuse is asked of earlier results only: a result is never too old for the attempt that made it', async () => {
  const reuse = () => {
    throw new Error('too old');
  };
  assert.deepEqual((await invoke(newHost(), [step('a', { reuse })])).ran, ['a']);
});

test('what cannot be recorded at the beginning fails the run before its first step', async () => {
  const host = newHost();
  const onBegun = () => Promise.reject(new IvaapError('failed', 'the state cannot be written'));
  await assert.rejects(invoke(host, [step('a')], { onBegun }), fails('failed', /cannot be written/));
  assert.deepEqual(host.world.effects, []);
  assert.equal((await openJournal(host.disk)).run?.status, 'failed');
});
