import { existsSync } from 'node:fs';
import { isUnfinished } from '../../engine/run-record.ts';
import type { RunRecord, State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { freshFlags, rollbackToBeginAnew, upgradeFlags } from '../../policy/again.ts';
import { compareVersions, formatVersion, requireVersion, sameVersion, schemeOf } from '../../version.ts';
import { hostEvidence, isMarked, likely } from '../../queries/host-evidence.ts';
import type { HostTools } from '../../session/host-tools.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { Session } from '../../session/session.ts';
import { factsOf, lookWithoutState, noStateRefusal } from '../../queries/without-state.ts';
import { refuseOtherKey } from '../other-key.ts';
import type { Volume } from '../../host/claim-volume.ts';
import { retainCommand } from '../../release/database-volume.ts';
import { managedPaths } from '../../release/product-paths.ts';
import { assertStorageFolder } from '../../release/storage-folder.ts';
import { shellWord, sudo } from '../../shell-word.ts';

/** Whether a new install may start at all: each check throws before anything is changed. */

/** The unfinished install of another package; the package that started it resumes it. */
export const otherInstall = ({ payload }: OpenedPayload, { installed, run }: State): State['run'] =>
  installed === undefined && run?.payloadDigest !== payload.digest ? run : undefined;

/** Refuses `--resume` where no install is unfinished: exit 10 where one has completed, else 5. */
export async function refuseNothingToResume(session: Session, state: State | undefined): Promise<void> {
  const { program, again, release, paths } = session;
  const version = (message: string, hint: string) => new IvaapError('version', message, { hint });
  if (state === undefined) {
    const host = { known: true, value: await session.tools() } as const;
    const { found, refusal } = await lookWithoutState(session, host, session);
    if (found === 'nothing') {
      const none = `there is no install to resume on this host: there is no ${paths.state}`;
      throw version(none, `to install ${release.version}: ${again({ without: ['--resume'] })}`);
    }
    throw refusal;
  }
  const { installed, run } = state;
  if (run?.flow === 'install' && installed === undefined) return;
  if (installed === undefined) {
    throw version(
      `the state on this host (${paths.state}) records no install that could be resumed`,
      `${program} status`,
    );
  }
  if (run?.flow === 'upgrade' && isUnfinished(run)) {
    throw version(
      `--resume is for an install: ${installed.version} is completely installed, ` +
        `and an upgrade to ${run.to} is not finished`,
      `to finish the upgrade: ${again({
        program: run.payloadDigest === session.payload.digest ? undefined : run.binary,
        add: ['--upgrade'],
        without: ['--resume', ...freshFlags],
      })}`,
    );
  }
  throw new IvaapError(
    'nothing_to_do',
    `${installed.version} is completely installed: there is no install to resume`,
    { hint: `${program} status` },
  );
}

/** A host with state has an installation, or an unfinished install of a package. */
export function refuseInstalled(session: Session, state: State, { supersede }: { supersede: boolean }): void {
  const { release, program, again } = session;
  const { installed, run } = state;
  if (installed !== undefined) {
    throw new IvaapError('preflight', `version ${installed.version} is already installed on this host`, {
      hint: sameVersion(installed.version, release.version)
        ? `${program} status`
        : `to upgrade it to ${release.version}: ` +
          `${again({ add: ['--upgrade'], without: [...freshFlags, '--supersede'] })}`,
    });
  }
  if (run !== undefined) refuseOtherKey(session, run);
  const other = otherInstall(session, state);
  if (other === undefined) return;
  refuseOlderThanStarted(other, session);
  if (supersede) return;
  const finish = again({
    program: other.binary,
    add: ['--resume'],
    without: ['--upgrade', ...freshFlags, ...upgradeFlags],
  });
  throw new IvaapError(
    'version',
    `an install of ${other.to} was started on this host and has not ` +
      `completed; this is another package (${release.version})`,
    {
      hint:
        `to finish it with the program that started it: ${finish}\nor to close it and install ` +
        `this package over it: ${again({ add: ['--supersede'], without: ['--resume'] })}`,
    },
  );
}

/**
 * Once Helm has started for a version, the product may have made its schema, which an older release does not
 * know.
 */
function refuseOlderThanStarted(
  run: RunRecord,
  { release, product, again }: Pick<Session, 'release' | 'product' | 'again'>,
): void {
  const { pointOfNoReturn: point, to, binary } = run;
  if (point === undefined) return;
  const scheme = schemeOf(product);
  const started = (point.versions ?? [to]).map((text) =>
    requireVersion(text, 'the version of an unfinished install', scheme),
  );
  const highest = started.sort(compareVersions).at(-1);
  const own = requireVersion(release.version, 'the version of this payload', scheme);
  if (highest === undefined || compareVersions(own, highest) >= 0) return;
  throw new IvaapError(
    'version',
    `Helm was started for ${formatVersion(highest)}, so the database may ` +
      `have its schema; this payload is older: ${formatVersion(own)}`,
    {
      hint:
        `${again({ program: binary, without: ['--supersede'] })}; or a ` +
        `package of ${formatVersion(highest)} or newer with --supersede\n` +
        'to begin anew with this one (a last dump is taken, and the data folder is renamed, not deleted): ' +
        `${rollbackToBeginAnew(again, binary)}\n` +
        `and then: ${again({ add: ['--supersede'], without: ['--resume'] })}`,
    },
  );
}

/** Refuses what a new install would take over or destroy. */
export async function refuseLeftovers(
  session: Session,
  { kubectl }: HostTools,
  answers: { storagePath: string | undefined; valuesFrom: string | undefined; isKept: boolean },
): Promise<void> {
  const { product, paths, program, signal } = session;
  const evidence = await hostEvidence(session, { known: true, value: { kubectl } }, signal);
  signal.throwIfAborted();
  const found = likely(evidence);
  // With backups but no trace in the cluster, the files are checked one by one below.
  const here = isMarked(evidence) || (evidence.records.known && evidence.records.value.length > 0);
  if (found === 'unmounted' || found === 'uninstalled' || (found === 'ours' && here)) {
    const { message, hint } = noStateRefusal(evidence, session, program);
    throw new IvaapError('preflight', message, { hint, facts: factsOf(evidence, session) });
  }
  if (!evidence.records.known) {
    const { why, hint = `${sudo.systemctl} status k3s` } = evidence.records;
    throw new IvaapError('preflight', why, { hint });
  }
  if (evidence.records.value.length > 0) {
    throw new IvaapError(
      'preflight',
      `the Helm release ${product.release} exists in the namespace ` +
        `${product.namespace}, but this installer did not make it`,
      { hint: `follow the guide "${product.versions.legacyGuide}"`, facts: factsOf(evidence, session) },
    );
  }
  if (existsSync(paths.values) && answers.valuesFrom !== paths.values) {
    throw new IvaapError('preflight', `${paths.values} already exists`, {
      hint: `to use it: --values ${shellWord(paths.values)}`,
    });
  }
  if (existsSync(paths.chart)) {
    throw new IvaapError('preflight', `${paths.chart} already exists, but there is no state for it`, {
      hint: `ls -l ${shellWord(paths.chart)}`,
    });
  }
  if (answers.storagePath !== undefined && !answers.isKept)
    await assertStorageFolder(answers.storagePath, managedPaths(paths));
  await refuseVolume(kubectl, product.database.volume.persistentVolume);
}

async function refuseVolume(kubectl: HostTools['kubectl'], name: string): Promise<void> {
  const volume = await kubectl.get<Volume & { status?: { phase?: string } }>('persistentvolume', name);
  if (volume === undefined) return;
  const path = volume.spec?.hostPath?.path;
  // Somebody else's may have the policy by which its data go with it.
  const isKept = volume.spec?.persistentVolumeReclaimPolicy === 'Retain';
  throw new IvaapError(
    'preflight',
    `the volume ${name} already exists ` +
      `(${volume.status?.phase ?? 'unknown'}${path === undefined ? '' : `, data in ${path}`})`,
    {
      hint:
        `to delete the volume but keep its data: ${isKept ? '' : `${retainCommand(name)} && `}` +
        `${sudo.kubectl} delete pv ${name}`,
    },
  );
}
