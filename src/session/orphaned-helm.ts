import { setTimeout as sleep } from 'node:timers/promises';
import { stopError } from '../engine/failure.ts';
import type { LockHolder } from '../engine/lock.ts';
import type { Report } from '../engine/reporter.ts';
import { readState } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { type HelmProcess, runningHelm, readHelmJournal } from '../host/helm-process.ts';
import type { OpenedPayload } from './opened-payload.ts';
import type { FlowPorts } from './ports.ts';
import { asRoot, shellWord } from '../shell-word.ts';

const pauseMs = 1000;
const task = 'orphaned-helm';
const time = (at: string) => `${at.slice(11, 19)} UTC`;

/** What a wait for Helm needs of a session. */
export type OrphanWatch = Pick<OpenedPayload, 'paths' | 'product'> &
  Pick<FlowPorts, 'signal' | 'again'> & { report: Report };

/**
 * Waits while the lock is held by the Helm of a run that died, which that run's journal names, showing
 * until when, and returns now and then so that the lock is tried again. Throws `preflight` when something
 * else holds it, `interrupted` or `terminated` on a signal: Helm continues in any case, and nothing was
 * changed.
 */
export function orphanedHelm({ paths, product, report, signal, again }: OrphanWatch): {
  wait(holder: LockHolder | undefined): Promise<void>;
  ended(): void;
} {
  let startedMs: number | undefined;
  let missed = 0;
  const title = 'Wait for the Helm process of an earlier run';
  const stopped = (helm: HelmProcess) => {
    const { code } = stopError(signal.reason);
    return new IvaapError(
      code,
      `stopped while waiting for Helm (process ${helm.pid}), which continues; this run has changed nothing`,
      { hint: `${again()}: it waits for Helm again, then continues` },
    );
  };
  return {
    async wait(holder) {
      const helm = runningHelm(readHelmJournal((await readState(paths.state).catch(() => undefined))?.helm));
      if (helm === undefined) {
        // A process's descriptors are closed an instant after it ended.
        missed += 1;
        if (missed > 3) throw heldByOthers(paths.lock, holder, again());
        await sleep(pauseMs);
        return;
      }
      missed = 0;
      if (startedMs === undefined) {
        startedMs = performance.now();
        const who =
          holder === undefined
            ? 'a run'
            : `"${holder.command}" (process ${holder.pid}, since ${holder.since})`;
        const line =
          `${who} has died, but its helm ${helm.verb} ${product.release} (process ${helm.pid}) is ` +
          `still running: waiting for it ${limits(helm)}; Ctrl-C stops the wait, not Helm`;
        report({ type: 'task.started', task, title });
        report({ type: 'message', level: 'warning', line });
      }
      const sinceMs = Date.now() - Date.parse(helm.begunAt);
      const lateMs = Date.now() - Date.parse(helm.latest);
      report({
        type: 'task.progress',

        task,
        done: Math.max(0, Math.round(sinceMs / 1000)),
        total: Math.round((Date.parse(helm.latest) - Date.parse(helm.begunAt)) / 1000),
        unit: 's',
        note: lateMs < 0 ? limits(helm) : `overdue; to stop it: ${asRoot(`kill -TERM ${helm.pid}`)}`,
      });
      await sleep(pauseMs, undefined, { signal }).catch(() => {
        throw stopped(helm);
      });
    },
    ended() {
      if (startedMs === undefined) return;
      report({ type: 'task.completed', task, title, durationMs: performance.now() - startedMs });
    },
  };
}

const limits = ({ verb, until, latest }: HelmProcess): string =>
  verb === 'upgrade'
    ? `until ${time(until)}, with a rollback until ${time(latest)} at the latest`
    : `until ${time(until)} at the latest`;

function heldByOthers(path: string, holder: LockHolder | undefined, command: string): IvaapError {
  const whose = holder === undefined ? '' : ` of "${holder.command}" (process ${holder.pid}), which has died`;
  return new IvaapError(
    'preflight',
    `a program holds the lock ${path}${whose}, and it is not the Helm in the journal`,
    {
      hint: `to find it: ${asRoot(`fuser -v ${shellWord(path)}`)}; when it has ended: ${command}`,
    },
  );
}
