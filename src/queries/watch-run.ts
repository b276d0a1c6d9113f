import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LockHolder } from '../engine/lock.ts';
import { stopError } from '../engine/failure.ts';
import { findAttempt, type LogLine, type RunLogTail } from '../engine/run-log-tail.ts';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { readHolder } from '../host/lock.ts';
import { assertRoot, isAlive } from '../host/system.ts';
import { resumeCommand } from '../session/resume-command.ts';
import { readOwnState } from '../session/own-state.ts';
import type { JsonObject } from '../engine/step.ts';
import { thisMachine } from '../session/machine.ts';
import { type OpenedPayload, openOwnPayload } from '../session/opened-payload.ts';
import type { CommandPorts } from '../session/ports.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** Of a flow's ports; the signal is aborted when the operator stops watching. */
type WatchPorts = Pick<CommandPorts, 'machine' | 'emit' | 'signal' | 'program' | 'again'>;

/** How the watched run, or the last one, has ended, as text and as JSON. */
export interface WatchResult {
  lines: string[];
  data: JsonObject;
}

const pauseMs = 200;

/**
 * Shows the active run from its first event to its last by following its log; changes nothing. When nothing
 * runs it reports how the last run ended.
 */
export async function watchRun(ports: WatchPorts): Promise<WatchResult> {
  assertRoot(ports.again(), 'reads the log of a run');
  const opened = await openOwnPayload(ports.machine ?? thisMachine);
  await opened.payload.close();
  const holder = readHolder(opened.paths.lock);
  if (holder === undefined || !isAlive(holder)) return lastRun(await readOwnState(opened, ports.program));
  return watch(holder, opened, ports);
}

async function watch(holder: LockHolder, opened: OpenedPayload, ports: WatchPorts): Promise<WatchResult> {
  const { command, version, pid, since, by } = holder;
  const line =
    `watching "${command}" of ${version} (process ${pid}, since ` +
    `${since}, by ${by}); Ctrl-C stops watching, not the run`;
  ports.emit({ type: 'message', at: new Date().toISOString(), level: 'info', line });
  let tail: RunLogTail | undefined;
  let run: string | null = null;
  for (;;) {
    // Checked first, so that what a process wrote before its end is still read.
    const alive = isAlive(holder);
    let lines: LogLine[];
    if (tail === undefined) {
      const found = await findAttempt(join(opened.paths.installer, 'logs'), holder);
      tail = found?.tail;
      lines = found?.lines ?? [];
    } else lines = await tail.read();
    for (const entry of lines) {
      if (entry.type === 'RESULT') return ended(run, entry);
      if (entry.type === 'run.started') run = entry.run;
      if (entry.type !== 'LOG') ports.emit(entry);
    }
    if (!alive) {
      const state = await readOwnState(opened, ports.program);
      return tail === undefined ? withoutLog(holder, state) : gone(holder, run, state);
    }
    await sleep(pauseMs, undefined, { signal: ports.signal }).catch(() => {
      throw new IvaapError(stopError(ports.signal.reason).code, 'stopped watching; the run continues', {
        hint: ports.again(),
      });
    });
  }
}

function ended(run: string | null, { status, exitCode, message }: LogLine & { type: 'RESULT' }): WatchResult {
  return {
    lines: [`the watched run has ended: ${status}, exit code ${exitCode}`],
    data: { run, status, exitCode, message },
  };
}

/** A refused run has no log, nor has one on a full disk: the state shows which it was. */
function withoutLog({ pid }: LockHolder, state: State | undefined): WatchResult {
  const { lines, data } = lastRun(state);
  const why = 'it was refused before its first step, or its log could not be written';
  return { lines: [`process ${pid} has ended without a log: ${why}`, ...lines], data };
}

function gone(holder: LockHolder, run: string | null, state: State | undefined): WatchResult {
  const goOn = resumeCommandFor(holder, state);
  return {
    lines: [
      `process ${holder.pid} of the run ended without a result: it was killed or it crashed`,
      ...stepsUnderWay(state),
      `try: ${goOn}`,
    ],
    data: { run, status: 'gone', exitCode: null, goOn },
  };
}

/** A run that was refused, or killed before it was recorded, is started again as it was typed. */
function resumeCommandFor({ command, again }: LockHolder, state: State | undefined): string {
  const run = state?.run;
  if (run?.status === 'running') return resumeCommand(run);
  return asRoot(again ?? `${shellWord(run?.binary ?? 'ivaap')} ${command}`);
}

const stepsUnderWay = (state: State | undefined): string[] => {
  const steps = Object.entries(state?.run?.steps ?? {}).filter(([, { status }]) => status === 'running');
  return steps.length === 0 ? [] : [`it was running: ${steps.map(([id]) => id).join(', ')}`];
};

function lastRun(state: State | undefined): WatchResult {
  const run = state?.run;
  if (run === undefined) {
    return {
      lines: ['no run is active, and none is recorded on this host'],
      data: { run: null, status: 'none', exitCode: null },
    };
  }
  const status = run.status === 'running' ? 'cut-off' : run.status;
  const versions = run.from === null ? run.to : `${run.from} -> ${run.to}`;
  const when = run.finishedAt === undefined ? `started ${run.startedAt}` : `ended ${run.finishedAt}`;
  const unfinished = status === 'cut-off' || status === 'failed';
  return {
    lines: [
      `no run is active; the last one: ${run.flow} ${versions}, ` +
        `${status === 'cut-off' ? 'cut off' : status}, ${when}`,
      ...(status === 'cut-off' ? stepsUnderWay(state) : []),
      ...(run.error === undefined || status === 'completed' ? [] : [`  ${run.error.message}`]),
      ...(unfinished ? [`try: ${resumeCommand(run)}`] : []),
    ],
    data: { run: run.id, status, exitCode: null },
  };
}
