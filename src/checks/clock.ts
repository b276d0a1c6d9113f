import type { State } from '../engine/state.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { Check } from './check.ts';
import { asRoot } from '../shell-word.ts';

const failSeconds = 60;
const warnSeconds = 5;

export const clock: Check = {
  id: 'clock',
  kind: 'health',
  title: 'Clock',
  limit:
    `at most ${failSeconds} s from the API server’s and not before ` +
    `the last recorded run; a warning from ${warnSeconds} s`,
  why: 'the age of backups and the validity of certificates depend on it',
  fix: asRoot('timedatectl set-ntp true'),
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  async measure({ state, now }, facts) {
    const { serverMs, localMs } = await facts.apiServer();
    // The server reports full seconds: on average half a second is cut off.
    return judgeClock((localMs - serverMs - 500) / 1000, lastRecorded(state), now().getTime());
  },
};

function lastRecorded(state: State | undefined): string | undefined {
  const { run, installed } = state ?? {};
  const steps = Object.values(run?.steps ?? {}).map(({ finishedAt, startedAt }) => finishedAt ?? startedAt);
  return [run?.startedAt, run?.finishedAt, installed?.completedAt, ...steps]
    .filter((time) => time !== undefined)
    .sort()
    .at(-1);
}

/**
 * `aheadSeconds` is how far our clock is ahead of the API server's; `recorded` is the newest time in the
 * state.
 */
export function judgeClock(aheadSeconds: number, recorded: string | undefined, nowMs: number): Measurement {
  const away = Math.max(0, Math.abs(aheadSeconds) - 0.5);
  const behindState = recorded === undefined ? 0 : (Date.parse(recorded) - nowMs) / 1000;
  const measured = `${away.toFixed(0)} s ${aheadSeconds < 0 ? 'behind' : 'ahead of'} the API server's`;
  if (!(away <= failSeconds)) return { outcome: 'fail', measured };
  if (behindState > failSeconds) {
    return {
      outcome: 'fail',
      measured: `${measured}, and ${behindState.toFixed(0)} s before the last recorded run (${recorded})`,
    };
  }
  return { outcome: away > warnSeconds ? 'warn' : 'ok', measured, data: { aheadSeconds } };
}
