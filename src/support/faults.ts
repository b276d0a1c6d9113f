import { runEnd } from '../policy/run-end.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { asRoot, shellWord, sudo } from '../shell-word.ts';
import { isSureTrouble } from '../release/troubles.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';
import type { Facts } from './collector.ts';

/** What is wrong now. */
export interface Fault {
  /** `certain`: measured; `likely`: measured, and may be a consequence of another; `possible`: not known. */
  certainty: 'certain' | 'likely' | 'possible';
  title: string;
  /** What shows it. */
  facts: string[];
  /** The one command to try. */
  hint?: string | undefined;
}

const certainties: Fault['certainty'][] = ['certain', 'likely', 'possible'];
const shownLines = 5;

/**
 * The most certain first; of the same certainty, what others follow from first: a full disk stops the
 * database, and without the API server nothing else answers.
 */
export function faultsOf(facts: Facts, opened: Pick<OpenedPayload, 'product'>, program: string): Fault[] {
  const found = [
    ...roomFaults(facts),
    ...kernelFaults(facts),
    ...certificateFaults(facts),
    ...hostFaults(facts),
    ...helmFaults(facts, program),
    ...databaseFaults(facts, opened),
    ...podFaults(facts, opened),
    ...runFaults(facts),
    ...healthFaults(facts, program),
  ];
  return [...found, ...preflightFaults(facts, found)].sort(
    (a, b) => certainties.indexOf(a.certainty) - certainties.indexOf(b.certainty),
  );
}

function roomFaults({ rooms = [] }: Facts): Fault[] {
  const full = rooms.filter(
    ({ room, reserveBytes }) => room.freeBytes <= reserveBytes || room.freeFiles === 0,
  );
  return [...Map.groupBy(full, ({ room }) => room.mountPoint)].map(([mountPoint, at]) => {
    const { freeBytes, totalBytes, freeFiles } = at[0]!.room;
    const what = freeFiles === 0 ? 'no inodes are left' : `${formatBytes(freeBytes)} are free`;
    return {
      certainty: 'certain',
      title: `the disk at ${mountPoint} is full: ${what} of ${formatBytes(totalBytes)}`,
      facts: at.map(
        ({ path, reserveBytes }) => `${path} lies there; ${formatBytes(reserveBytes)} must stay free`,
      ),
      hint:
        `df -h ${shellWord(mountPoint)}; ` +
        `${asRoot(`du -xh -d 2 ${shellWord(mountPoint)}`)} | sort -h | tail`,
    };
  });
}

function kernelFaults({ outOfMemory = [], diskErrors = [] }: Facts): Fault[] {
  const last = (lines: readonly string[]) => lines.slice(-shownLines);
  return [
    ...(diskErrors.length === 0
      ? []
      : [
          {
            certainty: 'likely' as const,
            title: 'the kernel has reported errors of a disk since this host started',
            facts: last(diskErrors),
            hint: asRoot('dmesg | tail'),
          },
        ]),
    ...(outOfMemory.length === 0
      ? []
      : [
          {
            certainty: 'likely' as const,
            title: 'the kernel has ended processes for want of memory since this host started',
            facts: last(outOfMemory),
            hint: 'free -m',
          },
        ]),
  ];
}

const certificateFaults = ({ expired = [] }: Facts): Fault[] =>
  expired.map(({ place, validTo }) => ({
    certainty: 'certain',
    title: `the certificate ${place} expired on ${validTo.toISOString()}`,
    facts: ['a cluster whose certificates have expired does not answer'],
    hint: place.endsWith('-ca.crt')
      ? `${sudo.certificate} rotate-ca --help`
      : `${sudo.systemctl} restart k3s`,
  }));

/** The state, or what it says of the host; and a cluster that does not answer. */
function hostFaults({ status, cluster }: Facts): Fault[] {
  const found: Fault[] = [];
  if (status?.host != null) {
    const { facts, advice } = status.host;
    found.push({ certainty: 'certain', title: advice.message, facts, hint: advice.hint });
  } else if (status?.state.known === false) {
    found.push({
      certainty: 'possible',
      title: `the installer's state is not known: ${status.state.why}`,
      facts: [],
      hint: status.state.hint,
    });
  }
  const asked = cluster?.known === false ? cluster : status?.release;
  if (asked?.known === false && !found.some(({ title }) => title.includes(asked.why))) {
    const certainty = /only root/.test(asked.why) ? 'possible' : 'certain';
    found.push({
      certainty,
      title: asked.why,
      facts: [],
      hint: asked.hint ?? `${sudo.systemctl} status k3s`,
    });
  }
  return found;
}

function helmFaults({ status }: Facts, program: string): Fault[] {
  if (status?.release.known !== true || status.release.value === null) return [];
  const { revision, status: is, version } = status.release.value;
  if (is === 'deployed' || status.running !== null) return [];
  const pending = is.startsWith('pending-');
  return [
    {
      certainty: 'certain',
      title: pending
        ? `Helm's revision ${revision} is ${is}, and nobody is working on it`
        : `Helm's revision ${revision} is ${is}`,
      facts: [`release version: ${version ?? 'not readable'}`],
      hint: forwardHint(status) ?? `${program} install --upgrade --preflight-only`,
    },
  ];
}

/** An uninstall that has removed nothing is never the one command to try. */
const forwardHint = ({ waysOut }: NonNullable<Facts['status']>): string | undefined =>
  (waysOut?.nothingRemoved === true ? waysOut.instead : waysOut?.forward) ?? undefined;

function databaseFaults({ schema, status }: Facts, { product }: Pick<OpenedPayload, 'product'>): Fault[] {
  if (schema?.known !== false || status?.release.known === false) return [];
  const { selector } = product.database;
  return [
    {
      certainty: 'certain',
      title: `the database does not answer: ${schema.why}`,
      facts: [],
      hint: schema.hint ?? `${sudo.kubectl} get pods -n ${product.namespace} -l ${selector} -o wide`,
    },
  ];
}

function podFaults({ troubles = [] }: Facts, { product }: Pick<OpenedPayload, 'product'>): Fault[] {
  return troubles.map(({ trouble, log }) => {
    const { workload, message, pods, probe, event } = trouble;
    const [pod] = pods;
    return {
      certainty: isSureTrouble(trouble) ? 'certain' : 'likely',
      title: `${workload}: ${message}`,
      facts: [
        ...(pods.length > 1 ? [`pods: ${pods.join(', ')}`] : []),
        ...(probe === undefined ? [] : [`probe: ${probe}`]),
        ...(event === undefined ? [] : [`event: ${event}`]),
        ...log.map((line) => `log: ${line}`),
      ],
      hint:
        pod === undefined
          ? `${sudo.kubectl} describe -n ${product.namespace} ${workload}`
          : `${sudo.kubectl} describe pod -n ${product.namespace} ${pod}`,
    };
  });
}

function runFaults({ status }: Facts): Fault[] {
  const run = status?.state.known === true ? status.state.value?.run : undefined;
  if (run === undefined || status?.running !== null) return [];
  if (run.status !== 'failed' && run.status !== 'running') return [];
  const steps = Object.entries(run.steps).filter(([, { status: is }]) => is === 'running' || is === 'failed');
  return [
    {
      certainty: 'likely',
      title: `the last run, ${run.flow} of ${run.to}, ${runEnd(run, false)}`,
      facts: [
        ...(run.error === undefined ? [] : [run.error.message]),
        ...steps.map(([id, { status: is }]) => `step ${id}: ${is}`),
        ...(status.waysOut?.nothingRemoved === true
          ? [`nothing was removed; to uninstall all the same: ${status.waysOut.forward}`]
          : []),
      ],
      hint: forwardHint(status),
    },
  ];
}

function healthFaults({ status }: Facts, program: string): Fault[] {
  if (status?.health.known !== true) return [];
  return status.health.value
    .filter(({ healthy }) => !healthy)
    .map(({ title, path, answer }) => ({
      certainty: 'likely',
      title: `the health route ${path} (${title}) does not answer as it should: ${answer}`,
      facts: [],
      hint: `${program} status`,
    }));
}

/** What no other fault has said. */
function preflightFaults({ preflight }: Facts, found: readonly Fault[]): Fault[] {
  if (preflight === undefined) return [];
  if (!preflight.known) {
    const { why, hint } = preflight;
    const said = found.some(({ title }) => title.includes(why) || why.includes(title));
    return said
      ? []
      : [{ certainty: 'possible', title: `preflight was not measured: ${why}`, facts: [], hint }];
  }
  return preflight.value.results
    .filter(
      ({ status, measured }) => status === 'fail' && !found.some(({ title }) => title.endsWith(measured)),
    )
    .map(({ id, measured, limit, why, fix }) => ({
      certainty: 'likely',
      title: `preflight ${id}: ${measured} (limit: ${limit})`,
      facts: [why],
      hint: fix,
    }));
}
