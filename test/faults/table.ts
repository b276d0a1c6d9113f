import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { upgradeSteps } from '../../src/flows/upgrade/steps.ts';
import { productSchema } from '../../src/payload/product-schema.ts';
import type { TestHost } from '../e2e/host.ts';
import type { Group } from '../proofs/proof.ts';
import type { Act } from './harm.ts';
import * as harm from './harm.ts';
import type { Moment } from './moments.ts';
import { dumpHalfWritten, helmAtWork, program } from './moments.ts';

/** How a run ends that was hurt: an exit code, `goes on` for one that was not stopped by it, `killed`. */
export type End = number | 'goes on' | 'killed';

export interface Fault {
  /** Unique in the table. */
  id: string;
  /** What is done, in a person's words. */
  fault: string;
  /** The step in which it is done; undefined: the run is started with it. */
  step?: string;
  /** An instant within the step; default: right after its journal says that it is running. */
  moment?: Moment;
  act?: Act;
  /** How the run is started, by a shell that it replaces; `$run` is the command. */
  how?: string;
  ends: readonly End[];
  /** Meets what this other fault of its chain leaves: drawn alone, the other one is done before it. */
  after?: string;
  /** An orphaned Helm continues when the run has ended: what it works with is still there. */
  helmLives?: true;
  /** What a run that ended must have said: its first line, or the lines after it. */
  says?: RegExp;
}

/**
 * Faults that one host goes through, the same command after each; the last run ends as if nothing had been.
 */
export interface Chain extends Group<Fault> {
  /** What the host needs before, such as a larger database. */
  prepare?: (host: TestHost) => Promise<void>;
}

const product = productSchema.parse(
  parse(readFileSync(join(import.meta.dirname, '../../payload-spec/ivaap/product.yaml'), 'utf8')),
);
const steps = upgradeSteps(product).map(({ id }) => id);

const inEach = (name: string, fault: Omit<Fault, 'id' | 'step'>, among: readonly string[] = steps): Fault[] =>
  among.map((step) => ({ id: `${name} ${step}`, step, ...fault }));

const noRoom = /not enough free space|disk is full|no space left|ENOSPC/i;
const apiDown = /Kubernetes API server does not answer|could not be asked|cluster/i;

const apiStopped = { fault: 'API server stopped for 60 s', act: harm.stopApiServer, says: apiDown };
const apiFaults = inEach('api-server', { ...apiStopped, ends: [6, 'goes on'] });
const every = (faults: readonly Fault[], modulus: number) =>
  faults.filter((_, index) => index % 2 === modulus);

/** Some hundred thousand rows, so that a dump takes long enough to be cut off in its middle. */
async function largeDatabase(host: TestHost): Promise<void> {
  await host.sql(
    'CREATE TABLE bulk AS SELECT n, md5(n::text) AS a, repeat(md5((n * ' +
      '7)::text), 12) AS b FROM generate_series(1, 250000) n',
  );
}

const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';
/**
 * Through the host's own list: `ivaap` re-executes itself where LD_PRELOAD names a library. Without FAKETIME
 * it changes nothing for the others. `ivaap` empties its environment, in which the library would look again
 * after ten seconds.
 */
const anHourBack = `echo ${faketime} > /etc/ld.so.preload
export FAKETIME=-1h FAKETIME_CACHE_DURATION=3600 DONT_FAKE_MONOTONIC=1
exec $run`;

/** Ends with 130 only if it was Helm that it waited for. */
const stoppedInTheWait = `said=$(timeout --preserve-status --signal=INT 3 $run 2>&1); code=$?
printf '%s\\n' "$said" >&2
case "$said" in *'stopped while waiting for Helm'*) exit $code ;; esac
exit 1`;

export const chains: readonly Chain[] = [
  {
    name: 'SIGTERM',
    cases: inEach('sigterm', {
      fault: 'SIGTERM',
      act: harm.signal('SIGTERM'),
      ends: [143],
      says: /stopped by SIGTERM/,
    }),
  },
  {
    name: 'SIGINT',
    cases: inEach('sigint', {
      fault: 'SIGINT',
      act: harm.signal('SIGINT'),
      ends: [130],
      says: /stopped by SIGINT/,
    }),
  },
  {
    name: 'SIGHUP',
    cases: inEach('sighup', { fault: 'SIGHUP', act: harm.signal('SIGHUP'), ends: ['goes on'] }),
  },
  {
    name: 'streams',
    cases: [
      {
        id: 'stdout-full',
        fault: 'standard output and error on a full disk; SIGTERM ends the run',
        how: 'exec $run >/dev/full 2>&1',
        step: 'upgrade_snapshot',
        act: harm.signal('SIGTERM'),
        ends: [143],
      },
      {
        id: 'stdout-reader-gone',
        fault: 'the reader of standard output goes away after a line; SIGTERM ends the run',
        how: 'exec $run --json > >(head -n 1 >/dev/null)',
        step: 'upgrade_chart_swap',
        act: harm.signal('SIGTERM'),
        ends: [143],
      },
      {
        id: 'streams-closed',
        fault: 'standard input, output and error closed',
        how: 'exec $run <&- >&- 2>&-',
        ends: ['goes on'],
      },
    ],
  },
  { name: 'API server, odd steps', cases: every(apiFaults, 0) },
  { name: 'API server, even steps', cases: every(apiFaults, 1) },
  {
    name: 'full disk',
    prepare: largeDatabase,
    cases: [
      {
        id: 'disk-full dump',
        fault: '/opt/ivaap full while the dump is written',
        step: 'upgrade_pg_backup',
        moment: dumpHalfWritten,
        act: harm.fillProductDisk,
        ends: [6],
        says: noRoom,
      },
      ...inEach('disk-full', {
        fault: '/opt/ivaap full',
        act: harm.fillProductDisk,
        ends: [6],
        says: noRoom,
      }),
      {
        id: 'disk-full while helm works',
        fault: '/opt/ivaap full, the disk of the database too, while Helm works',
        step: 'upgrade_helm',
        moment: helmAtWork,
        act: harm.fillProductDisk,
        ends: [6, 7, 8],
        says: /no space left|disk is full|cannot be written|rolled/i,
      },
    ],
  },
  {
    name: 'full disk of containerd',
    prepare: harm.ownDiskForBlobs,
    cases: [
      {
        id: 'disk-full import',
        fault: "disk of containerd's blobs full during the import",
        step: 'upgrade_load_images',
        moment: program(/ images import /),
        act: harm.fillBlobDisk,
        ends: [6],
        says: /no space left|no room|not enough free space/i,
      },
    ],
  },
  {
    name: 'import',
    cases: [
      {
        id: 'kill ctr',
        fault: '`ctr` alone killed during the import',
        step: 'upgrade_load_images',
        moment: program(/ images import /),
        act: harm.killProgram,
        ends: [6, 'goes on'],
        says: /ctr images import/,
      },
      {
        id: 'containerd restarted',
        fault: 'containerd restarted during the import',
        step: 'upgrade_load_images',
        moment: program(/ images import /),
        act: harm.killContainerd,
        ends: [6, 'goes on'],
        says: /ctr|containerd/,
      },
    ],
  },
  {
    name: 'programs',
    prepare: largeDatabase,
    cases: [
      {
        id: 'kill kubectl exec',
        fault: '`kubectl exec` of pg_dump alone killed during the dump',
        step: 'upgrade_pg_backup',
        moment: dumpHalfWritten,
        act: harm.killProgram,
        ends: [6],
        says: /pg_dump/,
      },
      {
        id: 'database pod deleted',
        fault: 'database pod deleted during the dump',
        step: 'upgrade_pg_backup',
        moment: dumpHalfWritten,
        act: harm.deleteDatabasePod,
        ends: [6],
        says: /pg_dump/,
      },
      {
        id: 'kill helm query',
        fault: '`helm` alone killed while it is asked for the history',
        step: 'upgrade_snapshot',
        moment: program(/\/helm (get|history) /),
        act: harm.killProgram,
        ends: [6],
        says: /helm/,
      },
      {
        id: 'kill helm at its start',
        fault: '`helm` alone killed before it has changed anything',
        step: 'upgrade_helm',
        moment: program(/\/helm upgrade /),
        act: harm.killProgram,
        ends: [6, 7],
        says: /ended by SIGKILL/,
      },
      {
        id: 'kill helm at work',
        fault: '`helm` alone killed while it waits for the new pods',
        step: 'upgrade_helm',
        moment: helmAtWork,
        act: harm.killProgram,
        // 8 where the new pod had migrated by then.
        ends: [6, 8],
        says: /ended by SIGKILL/,
      },
    ],
  },
  {
    name: 'Helm asked to stop',
    cases: [
      {
        id: 'sigint twice',
        fault: 'Ctrl-C twice while Helm works: it is asked to stop and rolls back',
        step: 'upgrade_helm',
        moment: helmAtWork,
        act: harm.askTwice,
        ends: [7, 130],
        says: /ask a second time[^]*Helm is asked to stop and rolls back/,
      },
      {
        id: 'kill ivaap beside helm',
        fault: '`ivaap` alone killed while Helm works',
        step: 'upgrade_helm',
        moment: helmAtWork,
        act: harm.killBesideHelm,
        ends: ['killed'],
      },
      {
        id: 'sigint waiting for helm',
        fault: 'Ctrl-C while the next run waits for the orphaned Helm',
        how: stoppedInTheWait,
        ends: [130],
        after: 'kill ivaap beside helm',
        helmLives: true,
      },
    ],
  },
  {
    name: 'power cut',
    cases: ['upgrade_pg_backup', 'upgrade_snapshot', 'upgrade_chart_swap'].map((step): Fault => ({
      id: `power-cut ${step}`,
      fault: 'power cut',
      step,
      act: harm.powerCut,
      ends: ['killed'],
    })),
  },
  {
    name: 'power cut of Helm',
    cases: [
      {
        id: 'power-cut upgrade_helm',
        fault: 'power cut while Helm works',
        step: 'upgrade_helm',
        moment: helmAtWork,
        act: harm.powerCut,
        ends: ['killed'],
      },
    ],
  },
  {
    name: 'clock',
    cases: [
      {
        id: 'clock-back fresh',
        fault: 'the clock of `ivaap` alone an hour back, at the first start',
        how: anHourBack,
        ends: [3],
        says: /clock/,
      },
      {
        id: 'clock-back after the dump',
        fault: 'the clock of `ivaap` alone an hour back from the chart swap on (SIGTERM ends the run before)',
        step: 'upgrade_chart_swap',
        act: harm.signal('SIGTERM'),
        ends: [143],
      },
      {
        id: 'clock-back resumed',
        fault: 'the clock of `ivaap` alone an hour back, when the run goes on',
        how: anHourBack,
        ends: ['goes on'],
        after: 'clock-back after the dump',
      },
    ],
  },
];
