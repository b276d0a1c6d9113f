import assert from 'node:assert/strict';
import { WatchedRun } from '../faults/watched-run.ts';
import type { Finished } from '../lab/process.ts';
import { assertImagesOf, helmHistory } from './cluster.ts';
import { assertExit } from './harness.ts';
import type { TestHost } from './host.ts';

/**
 * What comes about after preflight has passed: the run is paused where Helm is about to start, the harm is
 * done, and it continues.
 */

const valuesFile = '/opt/ivaap/ivaap.values.yaml';
export const templates = '/opt/ivaap/IVAAPHelmTemplate/templates';
export const kubectl = 'bash /usr/local/lib/lab/node/k3s kubectl';

/** Of the sample, each with pods that an upgrade replaces; sorted. */
export const workloads = [
  'Deployment/adminserver',
  'Deployment/backend',
  'Deployment/connector-witsml',
  'Deployment/dashboard',
  'StatefulSet/postgres',
];

export interface Harm {
  /** A script that is run in the host while the run is paused. */
  harm: string;
  /** One that is run as soon as Helm goes back; none: the harm stays. */
  heal?: string;
}

export interface Harmed extends Finished {
  /** All that the operator has read. */
  output: string;
  /** From the harm to the run's end. */
  seconds: number;
}

export const setAutoMigrate = (on: 'true' | 'false') =>
  `sed -i -E "s|(IVAAP_SERVER_ADMIN_AUTO_MIGRATE:).*|\\1 '${on}'|" ${valuesFile}`;

const goesBack = async (host: TestHost): Promise<true | undefined> => {
  const label = 'owner=helm,status=pending-rollback';
  const { stdout } = await host.kubectl('get', 'secrets', '-n', 'ivaap', '-l', label, '-o', 'name');
  return stdout.trim() === '' ? undefined : true;
};

export async function upgradeHarmed(host: TestHost, { harm, heal }: Harm): Promise<Harmed> {
  const run = await WatchedRun.start(host);
  try {
    const step = await run.stopAt(['upgrade_helm']);
    if (step === undefined) {
      await assertExit(host, await run.finished, -1, 'a run that should have come to Helm');
    }
    await host.shell(harm);
    const startedAt = performance.now();
    run.thaw();
    const healed =
      heal === undefined
        ? undefined
        : host.until('Helm goes back', 300, () => goesBack(host)).then(() => host.shell(heal));
    const [result] = await Promise.all([run.finished, healed]);
    const seconds = (performance.now() - startedAt) / 1000;
    return { ...result, output: `${result.stdout}${result.stderr}`, seconds };
  } finally {
    run.abandon();
  }
}

/**
 * Helm waits no longer than a chart's deadline, which is shorter than the grace that refused pods get. The
 * old release gets the new deadline too: a rollback that shortens it would find it already passed.
 */
export async function setDeadline(host: TestHost, seconds: number): Promise<void> {
  await host.shell(`echo 'progressDeadlineSeconds: ${seconds}' >> ${valuesFile}`);
  const again = await host.ivaap('2026.1', ['install', '--upgrade', '--reapply', '--yes']);
  await assertExit(host, again, 0, 'the old release with another deadline');
}

const asked = `${kubectl} run asked -n ivaap --image=none --dry-run=server`;
/** Waits in a script until the server refuses pods with this text. */
export const podsRefused = (why: string) => `until ${asked} 2>&1 | grep '${why}'; do sleep 0.2; done`;
/**
 * Waits in a script until the server accepts pods, and makes the controllers try again at once: each refusal
 * doubles their pause, and after the grace it is longer than a minute.
 */
export const podsAccepted = `until ${asked}; do sleep 0.2; done
${kubectl} annotate replicasets,statefulsets -n ivaap --all --overwrite asked="$(date +%s)"`;

/** The command that failed, typed again: the new release runs and answers. */
export async function assertEndsWell(host: TestHost): Promise<void> {
  const result = await host.ivaap('2026.2', ['install', '--upgrade'], { timeoutMs: 300_000 });
  await assertExit(host, result, 0, 'the same command');
  await host.untilHealthy();
  await assertImagesOf(host, '2026.2');
}

/** The old release runs, answers and has all of its wells; Helm says so, and so does `status`. */
export async function assertOldReleaseRuns(host: TestHost, wells: string): Promise<void> {
  await host.untilHealthy();
  await assertImagesOf(host, '2026.1');
  assert.equal(await host.wells.checksum(), wells);
  const last = (await helmHistory(host)).at(-1);
  assert.deepEqual([last?.status, last?.version], ['deployed', '2026.1']);
}

/** A text's first command in round brackets, as root types it: the node is root's own, without sudo. */
export function namedCommand(text: string): string {
  const tried = text.slice(text.search(/^try: /m));
  const command = /\(sudo ((?:\/\S+\/)?k3s [^)]+?)(?: (?:says|shows) [^)]*)?\)/.exec(tried)?.[1];
  assert.ok(command !== undefined, `a command is named: ${tried}`);
  return command;
}

/** Types it as it is printed; throws when it fails. */
export const typed = (host: TestHost, command: string): Promise<Finished> =>
  host.shell(command, { env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/root' } });

/** How often a text occurs. */
export const count = (text: string, what: string | RegExp): number => text.split(what).length - 1;

/** What came with the error, between its sentence and what is to try. */
export const causesOf = ({ stderr }: Finished): string => stderr.slice(0, stderr.search(/^try: /m));
