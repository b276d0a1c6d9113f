import { existsSync } from 'node:fs';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { estimateDump } from '../../host/dump-estimate.ts';
import { mountHolding, mountOf } from '../../host/mounts.ts';
import { known } from '../../known.ts';
import { counted } from '../../policy/counted.ts';
import { absolutePath } from '../../payload/absolute-path.ts';
import { listBackups, stateCopies } from '../../queries/backups.ts';
import { keptBackups } from '../../release/last-dump.ts';
import { letGoNames } from '../../release/let-go-images.ts';
import { foreignOf, removedOf } from '../../release/ours.ts';
import { hideGenerated } from '../../release/secrets-of-host.ts';
import type {
  UninstallChoices,
  UninstallCluster,
  UninstallFindings,
} from '../../release/uninstall-context.ts';
import { leftOut, recordedStorage, uninstallFindings } from '../../release/uninstall-findings.ts';
import { refuseWorking, removedFolder } from '../../release/removed-folder.ts';
import { isRemoving, recordedUninstall, type RecordedUninstall } from '../../release/uninstall-record.ts';
import { clusterOf } from './cluster.ts';
import type { Session } from '../../session/session.ts';
import { asRoot, shellWord, sudo } from '../../shell-word.ts';
import type { Decision } from '../flow.ts';
import { assertNameTyped } from '../typed-name.ts';
import { databaseStopped } from '../../release/database-stopped.ts';
import { refuseOldDump } from './old-dump.ts';
import { notesOfDatabases, refuseOtherDatabases } from './other-databases.ts';
import { notesOfVolume, refuseLostVolume } from './class-volume.ts';
import { refuseMissingDataDisk, refuseMissingDumpDisk } from './disks.ts';
import { refuseTornDump } from './torn-dump.ts';
import { assertDumpTo, assertRoomFor, usualDumpTo } from './dump-to.ts';
import { refuseUnmanaged } from './gate.ts';
import { refuseUnwritable } from './writable.ts';
import type { UninstallOptions } from './options.ts';
import { compactTime } from '../../policy/compact-time.ts';

/** That an uninstall may start, and what it removes. */
export interface UninstallDecision extends Decision {
  told: readonly string[];
  state: State;
  choices: UninstallChoices;
  cluster: UninstallCluster | undefined;
  found: UninstallFindings;
}

/** Decides whether an uninstall may start. Throws a blocker; changes nothing. */
export async function decideUninstall(
  session: Session,
  options: UninstallOptions,
): Promise<UninstallDecision> {
  const { product, paths, signal, redactor } = session;
  const state = await refuseUnmanaged(session, options);
  assertNameTyped(session, 'uninstall', options);
  const recorded = recordedUninstall(state);
  const cluster = options.withoutCluster ? undefined : await clusterOf(session, options, state);
  if (cluster !== undefined) await hideGenerated(cluster.kubectl, product, redactor);
  const isStopped = cluster === undefined ? leftOut : await databaseStopped(cluster.kubectl, product, signal);
  const folders = [paths.backups, ...(recorded === undefined ? [] : [keptBackups(recorded.dumpTo)])];
  const backups = (await Promise.all(folders.map(listBackups))).flat();
  const letGo = letGoNames([state, ...(await stateCopies(session, backups)).map((copy) => copy.state)]);
  const place = { product, paths, cluster, isStopped, letGo, signal };
  const found = await uninstallFindings(place, recorded ?? recordedStorage(state, isStopped));
  signal.throwIfAborted();
  // Until it removes, an uninstall that was begun takes other choices.
  const begun = isRemoving(state);
  const choices = await choose(session, options, { recorded, found, isRemoving: begun });
  await refuseMissingDataDisk(found.storagePath, session.again());
  // What was removed already is no blocker of the rest.
  if (cluster === undefined && !choices.keepData) {
    // Nobody stops the database then: what works on the data keeps working.
    const folder = found.data.there ? removedFolder(found) : undefined;
    for (const path of [
      ...(folder === undefined ? [] : [folder]),
      ...found.files.aside.map(({ path }) => path),
    ])
      refuseWorking('preflight', path, session.again());
  }
  if (begun) refuseOldDump(session, options, { state, found });
  else await refuseBeforeRemoval(session, options, { choices, cluster, found, recorded });
  const notes = [...notesOf(found, choices, session), ...noteOfOther(recorded, choices)];
  const asksWithNotes = options.confirm === undefined;
  const told = toldOf(found, choices);
  return { fresh: false, notes, told, asksWithNotes, state, choices, cluster, found };
}

interface Judged {
  choices: UninstallChoices;
  cluster: UninstallCluster | undefined;
  found: UninstallFindings;
  recorded: RecordedUninstall | undefined;
}

async function choose(
  session: Session,
  options: UninstallOptions,
  { recorded, found, isRemoving: holds }: Pick<Judged, 'recorded' | 'found'> & { isRemoving: boolean },
): Promise<UninstallChoices> {
  const { product, again } = session;
  const { keepData, deleteBackups } = options;
  if (recorded !== undefined && holds) {
    const differs = [
      ...(recorded.keepData === keepData ? [] : ['--keep-data']),
      ...(recorded.deleteBackups === deleteBackups ? [] : ['--delete-backups']),
    ];
    const [first] = differs;
    if (first !== undefined) {
      const isMissing = !(first === '--keep-data' ? keepData : deleteBackups);
      throw new IvaapError(
        'usage',
        `an uninstall ${isMissing ? 'with' : 'without'} ${first} has begun on this host`,
        { hint: again(isMissing ? { add: [first] } : { without: [first] }) },
      );
    }
  }
  const named = options.dumpTo === undefined ? undefined : absolutePath(options.dumpTo);
  if (recorded !== undefined && holds && named !== undefined && named !== recorded.dumpTo) {
    throw new IvaapError(
      'usage',
      `an uninstall has begun on this host that keeps what it keeps in ${recorded.dumpTo}, not in ${named}`,
      { hint: again({ add: [`--dump-to ${shellWord(recorded.dumpTo)}`], without: ['--dump-to'] }) },
    );
  }
  const given = named ?? recorded?.dumpTo ?? usualDumpTo(product, compactTime(new Date()));
  const { storagePath, files } = found;
  const deleted = [
    product.folder,
    ...(storagePath === undefined ? [] : [storagePath]),
    ...files.aside.map(({ path }) => path),
  ];
  const isOurs = recorded !== undefined && given === recorded.dumpTo;
  const dumpTo = await assertDumpTo(given, { deleted, isOurs, product: product.name });
  const dumpMount = isOurs ? recorded?.dumpMount : undefined;
  await refuseMissingDumpDisk({ dumpTo, dumpMount }, { again: again(), mayMove: !holds });
  return { keepData, deleteBackups, dumpTo };
}

/** Whatever would be lost, or would stop the run in the middle, stops it before anything is removed. */
async function refuseBeforeRemoval(
  session: Session,
  options: UninstallOptions,
  { choices, cluster, found }: Judged,
): Promise<void> {
  const { product, paths, again, program, signal } = session;
  const { contents, database, files, storagePath, putAside, foreignData, rollbackDump } = found;
  if (cluster !== undefined && !contents.known) {
    throw new IvaapError(
      'preflight',
      `what is in the namespace ${product.namespace} is not known: ${contents.why}`,
      {
        hint: `${contents.hint ?? `${sudo.kubectl} get apiservices`}\nThen: ${again()}`,
      },
    );
  }
  if (cluster !== undefined) refuseLostVolume(session, found, choices.keepData);
  refuseUsers(session, found);
  refuseOtherFolder(session, found);
  const mounted = files.mounts.find(
    (point) => storagePath !== undefined && point.startsWith(`${storagePath}/`),
  );
  if (mounted !== undefined && !choices.keepData) {
    throw new IvaapError('preflight', `a file system is mounted in the data folder, at ${mounted}`, {
      hint:
        `findmnt ${shellWord(mounted)}; when it is not needed there: ` +
        asRoot(`umount ${shellWord(mounted)}`),
    });
  }
  if (choices.keepData && cluster === undefined) {
    throw new IvaapError('usage', '--keep-data needs the cluster, which has the generated secrets', {
      hint: again({ without: ['--without-cluster', '--skip-backup'] }),
    });
  }
  const { claim } = product.database.volume;
  const hasClaim = contents.known && contents.value.objects.some(({ name }) => name === claim);
  if (choices.keepData && storagePath === undefined && hasClaim) {
    throw new IvaapError(
      'usage',
      `--keep-data keeps a folder of this host, and the data of the claim ${claim} are on a volume of ` +
        'the cluster',
      { hint: again({ without: ['--keep-data'] }) },
    );
  }
  const mayHaveData = !database.known || database.value !== null;
  if (!options.skipBackup && !choices.keepData) refuseOtherDatabases(session, found);
  if (!options.skipBackup) await refuseTornDump(session, rollbackDump);
  if (!options.skipBackup && !database.known && rollbackDump === undefined) {
    throw new IvaapError('preflight', `no last dump can be taken: ${database.why}`, {
      hint:
        `${database.hint ?? `${program} status`}\n` +
        (choices.keepData || storagePath === undefined
          ? ''
          : `To keep the data as they are: ${again({ add: ['--keep-data', '--skip-backup'] })}\n`) +
        `To remove it without a dump: ${again({ add: ['--skip-backup'] })}`,
    });
  }
  const estimate =
    cluster === undefined || options.skipBackup || !mayHaveData || rollbackDump !== undefined
      ? 0
      : await known(estimateDump(cluster.database, signal)).then((asked) => (asked.known ? asked.value : 0));
  await refuseUnwritable(choices.dumpTo);
  await assertRoomFor(choices.dumpTo, product, {
    dumpBytes: estimate,
    moved: [
      {
        path: paths.backups,
        bytes: choices.deleteBackups ? (rollbackDump?.sizeBytes ?? 0) : found.backups.bytes,
      },
      ...(options.skipBackup || choices.keepData ? [] : putAside),
      ...(choices.keepData ? [] : foreignData),
    ],
  });
}

/** Two folders may be the database's: what is dumped is in the one, and the other would be deleted. */
function refuseOtherFolder({ again }: Session, { volume, storagePath, volumePath }: UninstallFindings): void {
  if (volumePath === undefined || storagePath === undefined || !volume.known) return;
  throw new IvaapError(
    'preflight',
    `the state records the data folder ${storagePath}, and the volume ${volume.value?.name} leads to ` +
      `${volumePath}: only the data in ${volumePath} would be dumped`,
    {
      hint:
        `ls -la ${shellWord(storagePath)} ${shellWord(volumePath)}\n` +
        'to keep what is not used: ' +
        `${asRoot(`mv ${shellWord(storagePath)} ${shellWord(`${storagePath}.kept`)}`)}; ` +
        `then: ${again()}`,
    },
  );
}

/** Pods that are not ours and use a claim of ours: their work is on the data. */
function refuseUsers({ product }: Session, { contents }: UninstallFindings): void {
  if (!contents.known) return;
  const ours = removedOf(contents.value).filter(({ kind }) => kind === 'PersistentVolumeClaim');
  const claims = new Set(ours.map(({ name }) => name)).add(product.database.volume.claim);
  const users = foreignOf(contents.value).filter((one) => one.claims.some((name) => claims.has(name)));
  const [first] = users;
  if (first === undefined) return;
  const claim = first.claims.find((name) => claims.has(name));
  throw new IvaapError(
    'preflight',
    `${users.map(({ resource }) => resource).join(', ')} (${first.why}) uses the claim ${claim}, ` +
      'which would be deleted',
    { hint: `${sudo.kubectl} delete -n ${product.namespace} ${first.resource}` },
  );
}

const mostNamed = 5;

function notesOfForeignData({ foreignData }: UninstallFindings, dumpTo: string): string[] {
  const rest = foreignData.length - mostNamed;
  return [
    ...foreignData
      .slice(0, mostNamed)
      .map(({ path }) => `moved to ${dumpTo}: ${path}, which the database did not write`),
    ...(rest > 0 ? [`moved to ${dumpTo}: ${counted(rest, 'further path')} in the data folder`] : []),
  ];
}

/** What an earlier attempt has kept in another folder. */
const noteOfOther = (recorded: RecordedUninstall | undefined, { dumpTo }: UninstallChoices): string[] =>
  recorded === undefined || recorded.dumpTo === dumpTo || !existsSync(recorded.dumpTo)
    ? []
    : [`stays: ${recorded.dumpTo}, where an earlier attempt of this uninstall has kept something`];

function notesOf(found: UninstallFindings, choices: UninstallChoices, { product }: Session): string[] {
  const { contents, volume, files, images, unmarkedImages, definitions } = found;
  const foreign = contents.known ? foreignOf(contents.value) : [];
  const { namespace } = product;
  const { dumpTo } = choices;
  const isInMemory = ['tmpfs', 'ramfs'].includes(mountOf(mountHolding(dumpTo))?.fileSystem ?? '');
  return [
    ...(choices.keepData ? [] : notesOfDatabases(found)),
    ...found.backups.others.map((name) => `no backup of ours, moved to ${dumpTo}: ${name}`),
    ...(isInMemory ? [`${dumpTo} lies in memory: what is kept there is gone after a restart`] : []),
    ...foreign.map(
      ({ resource, why }) => `stays: ${resource} in ${namespace} (${why}), and the namespace with it`,
    ),
    ...(contents.known && contents.value.ours === false
      ? [`stays: the namespace ${namespace}, which has no label of this installer`]
      : []),
    ...(found.keepsNamespace
      ? [`stays: the namespace ${namespace}, which was there before the install`]
      : []),
    ...(volume.known && volume.value !== null && !volume.value.ours
      ? [`stays: the volume ${volume.value.name}, which has no label of this installer`]
      : []),
    ...notesOfVolume(found, product.database.volume.claim),
    ...(found.heldByOthers && found.storagePath !== undefined
      ? [`stays: ${found.storagePath}, the folder of that volume`]
      : []),
    ...(found.data.target === undefined
      ? []
      : [`stays: ${found.data.target}, where the link ${found.storagePath ?? ''} leads to, with its data`]),
    ...(choices.keepData || removedFolder(found) === undefined ? [] : notesOfForeignData(found, dumpTo)),
    ...files.foreign.map((path) => `stays: ${path}, which this installer did not write`),
    ...(images.known
      ? images.value.shared.map(({ name, why }) => `stays, without our pin: the image ${name} (${why})`)
      : []),
    ...(unmarkedImages.known
      ? unmarkedImages.value.map(
          (name) => `stays: the image ${name} of an older release, which has no mark of this installer`,
        )
      : []),
    ...(definitions.known
      ? definitions.value.map(
          (name) => `stays: ${name}; to delete it with all its objects: ${sudo.kubectl} delete crd ${name}`,
        )
      : [`stay, if there are any: custom resource definitions of the chart (not known: ${definitions.why})`]),
  ];
}

/** What is kept of the data, and where. */
const toldOf = (
  { rollbackDump, storagePath }: UninstallFindings,
  { dumpTo, keepData }: UninstallChoices,
): string[] => [
  ...(rollbackDump === undefined
    ? []
    : [`the last dump is that of the unfinished rollback, ${rollbackDump.path}: it is moved to ${dumpTo}`]),
  ...(keepData && storagePath !== undefined ? [`stays: the data in ${storagePath}`] : []),
];
