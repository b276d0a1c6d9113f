import * as z from 'zod';
import type { EngineEvent } from '../../../src/engine/events.ts';
import type { JournalOptions } from '../../../src/engine/journal.ts';
import { Reporter, type ReporterOptions } from '../../../src/engine/reporter.ts';
import type { RunSpec } from '../../../src/engine/run-record.ts';
import { Journal } from '../../../src/engine/journal.ts';
import type { RunOptions, RunResult } from '../../../src/engine/run.ts';
import { executeRun } from '../../../src/engine/run.ts';
import type { JsonObject, Step, StepIo } from '../../../src/engine/step.ts';
import type { FaultyDisk } from './faulty-disk.ts';

export const statePath = '/product/.installer/state.json';

/** A world outside of the journal: what the steps have done, in order. */
export interface World {
  effects: string[];
}

export interface StepOptions {
  needs?: string[];
  run?: (io: StepIo, world: World) => Promise<JsonObject> | JsonObject;
  inputs?: () => JsonObject;
  verify?: () => void;
  reuse?: () => void;
  plan?: () => 'run' | 'skip';
  revision?: number;
  finishes?: boolean;
}

/** A step that notes its effect in the world, unless told to do something else. */
export function step(id: string, options: StepOptions = {}): Step<World> {
  return {
    id,
    out: z.record(z.string(), z.json()),
    title: `Step ${id}`,
    needs: options.needs ?? [],
    finishes: options.finishes ?? false,
    revision: options.revision ?? 1,
    inputs: options.inputs ?? (() => ({})),
    plan: async () => {
      const action = options.plan?.() ?? 'run';
      return { action, summary: action === 'run' ? `does ${id}` : `nothing to do for ${id}` };
    },
    run: async (world, io) => {
      if (options.run) return options.run(io, world);
      world.effects.push(id);
      return { [id]: 'done' };
    },
    verify: async () => options.verify?.(),
    reuse: async () => options.reuse?.(),
  };
}

export const runSpec: RunSpec = {
  flow: 'upgrade',
  from: '2026.1',
  to: '2026.2',
  payloadDigest: 'a'.repeat(64),
  binary: '/package/installer',
};

export interface Host {
  disk: FaultyDisk;
  world: World;
  events: EngineEvent[];
}

export function openJournal(disk: FaultyDisk, options: Partial<JournalOptions> = {}): Promise<Journal> {
  return Journal.open({ path: statePath, product: 'sample', disk, ...options });
}

type ReporterParts = Partial<Pick<ReporterOptions, 'redactor' | 'clock'>> & {
  emit?: ReporterOptions['draw'];
};

/** One invocation of the program on a host. */
export async function invoke(
  host: Host,
  steps: Step<World>[],
  { emit, redactor, clock, ...options }: Partial<RunOptions<World>> & ReporterParts = {},
): Promise<RunResult> {
  return executeRun({
    run: runSpec,
    steps,
    ctx: host.world,
    journal: await openJournal(host.disk),
    reporter: new Reporter({
      draw: emit ?? ((event) => host.events.push(event)),
      ...(redactor === undefined ? {} : { redactor }),
      ...(clock === undefined ? {} : { clock }),
    }),
    signal: new AbortController().signal,
    resume: './p install',
    ...options,
  });
}

/** Resolves when the promise's owner lets it: what tests use in place of waiting. */
export function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
