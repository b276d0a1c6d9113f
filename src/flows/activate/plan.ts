import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { mountOf, nearestExisting, readOnlyFix } from '../../host/mounts.ts';
import { type Found, foundAt } from '../../host/rename-over.ts';
import { readRegularText } from '../../host/regular-file.ts';
import { assertSafePath } from '../../host/safe-path.ts';
import { securePath } from '../../host/secure-path.ts';
import { type NamedProduct, pathNames, pathPlaces } from '../../policy/path-names.ts';
import { compareRelease } from '../../policy/release-order.ts';
import type { TrustDecision } from '../../policy/trust.ts';
import { assertTrusted, installedCarrier, judge } from '../../queries/trust.ts';
import { type Activation, readActivation } from '../../release/activation-record.ts';
import { launcherText } from '../../release/launcher.ts';
import { whyNotOurs } from '../../release/remove-from-path.ts';
import { readOwnState } from '../../session/own-state.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import type { Session } from '../../session/session.ts';
import { asRoot, shellWord } from '../../shell-word.ts';
import { type ExecutablePlan, planExecutable } from './executable.ts';

/** A small file as it has to be on this host. */
export interface WantedFile {
  path: string;
  text: string;
  mode: number;
}

/** With what lay there when it was looked at: ours, or `null` for nothing. Nothing else is replaced. */
export interface PlannedFile extends WantedFile {
  found: Found | null;
}

/** What `activate` would do; nothing of it is done. */
export interface ActivationPlan {
  state: State;
  /** What an earlier activation has recorded. */
  before: Activation | undefined;
  names: string[];
  /** Folders with a launcher of each name, the first for everybody, others for sudo. */
  bins: string[];
  files: PlannedFile[];
  executable: ExecutablePlan & { source: string };
  /** All of it is there already. */
  isDone: boolean;
  /** What the operator should know, a line each. */
  notes: string[];
}

/** Completions and man pages of a product: path and text. */
export type ShareFiles = (
  product: NamedProduct & { title: string; namespace: string; version: string },
) => Promise<Omit<WantedFile, 'mode'>[]>;

/**
 * Reads this host and throws what stands against it: nothing is installed, a file of another key, a name that
 * is taken, a folder that others may write or nobody can.
 */
export async function planActivation(
  session: Session,
  { trustKey }: { trustKey: string | undefined },
  shareFiles: ShareFiles,
): Promise<ActivationPlan> {
  const { product, paths, program, release } = session;
  const state = existsSync(paths.installer) ? await readOwnState(session, program) : undefined;
  if (state?.installed === undefined) {
    const run = state?.run;
    const isUnfinished = run?.status === 'running' || run?.status === 'failed';
    throw new IvaapError(
      'preflight',
      `no completed install of ${product.title} is recorded on this host: there is nothing to activate`,
      { hint: isUnfinished ? resumeCommand(run) : `${program} install` },
    );
  }
  const notes = trusted(session, state, state.installed, trustKey);
  const { folder, bin, active } = pathPlaces(product);
  const names = Object.values(pathNames(product));
  const bins = await launcherFolders(session, bin, notes);
  const launchers = bins.flatMap((into) =>
    names.map((name) => ({ path: join(into, name), text: launcherText(product, name), mode: 0o755 })),
  );
  const shared = (await shareFiles({ ...product, version: release.version })).map((file) => ({
    ...file,
    mode: 0o644,
  }));
  const wanted = [...shared, ...launchers];
  for (const into of new Set([folder, ...wanted.map(({ path }) => dirname(path))]))
    await assertWritable(into);
  for (const into of bins) assertExecutes(into);
  const files = await freeNames(session, wanted);
  const executable = await planExecutable(session);
  const recorded = await readActivation(paths.activation);
  const before = recorded.known ? recorded.value : undefined;
  if (!recorded.known)
    notes.push(`${paths.activation} is written anew: ${recorded.why}; what is ours is known by its seals`);
  const isDone =
    before?.complete === true &&
    linkOf(active) === executable.executable &&
    existsSync(active) &&
    names.every((name) => linkOf(join(folder, name)) !== undefined) &&
    (await areThere(files));
  return { state, before, names, bins, files, executable, isDone, notes };
}

/** Throws `payload` for a file that may not follow the installed release. */
function trusted(
  session: Session,
  { run }: State,
  installed: NonNullable<State['installed']>,
  trustKey: string | undefined,
): string[] {
  const { payload, product, paths, again, program, release } = session;
  const trust = judge(payload, installedCarrier(product.name, installed, paths.state), {
    named: trustKey,
    begun: run?.status === 'running' || run?.status === 'failed' ? run.key : undefined,
  });
  assertTrusted(payload.displayName, trust, again);
  const { how, because } = trust.decision as TrustDecision & { kind: 'trusted' };
  const notes = how === 'same' ? [] : [`${payload.displayName} is trusted: it is ${because}`];
  const order = compareRelease(
    { product: product.name, version: release.version, payloadDigest: payload.digest },
    { product: product.name, version: installed.version, payloadDigest: installed.payloadDigest },
  );
  if (order === 'newer')
    notes.push(`installed is ${installed.version}; to upgrade it: ${program} install --upgrade`);
  if (order === 'older')
    notes.push(
      `installed is ${installed.version}, which is newer: this file may not be able to read its state`,
    );
  return notes;
}

/** `bin`, and where sudo would not look there, one folder of those in which it looks. */
async function launcherFolders({ machine }: Session, bin: string, notes: string[]): Promise<string[]> {
  const secure = await securePath(machine.createRunner());
  if (!secure.known) {
    notes.push(`where sudo looks for programs is not known (${secure.why})`);
    return [bin];
  }
  const real = (folder: string) => (existsSync(folder) ? realpathSync(folder) : folder);
  const folders = secure.value?.filter((folder) => existsSync(folder) || folder === bin);
  const isSearched = folders?.some((folder) => real(folder) === real(bin)) ?? true;
  if (folders === undefined || folders.length === 0 || isSearched) return [bin];
  const local = folders.find((folder) => folder.startsWith('/usr/local/'));
  const also = local ?? folders.at(-1) ?? bin;
  notes.push(`sudo does not look in ${bin} (secure_path): the names are in ${also}, too`);
  return [bin, also];
}

/** Throws `preflight` for a folder that others may write, or that nobody can. */
async function assertWritable(folder: string): Promise<void> {
  const real = await assertSafePath(folder, { mayBeMissing: true });
  const there = lstatSync(folder, { throwIfNoEntry: false });
  if (there !== undefined && statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    const what = there.isSymbolicLink()
      ? `is a link to ${readlinkSync(folder)}, which is no folder`
      : 'is no folder';
    throw new IvaapError('preflight', `${folder} ${what}`, { hint: `ls -ld ${shellWord(folder)}` });
  }
  const mount = mountOf(nearestExisting(real));
  if (mount?.options.includes('ro') !== true) return;
  throw new IvaapError('preflight', `${folder} cannot be written: ${mount.mountPoint} is mounted read-only`, {
    hint: readOnlyFix(mount.mountPoint),
  });
}

function assertExecutes(folder: string): void {
  const mount = mountOf(nearestExisting(folder));
  if (mount?.options.includes('noexec') !== true) return;
  throw new IvaapError('preflight', `no program runs in ${folder}: ${mount.mountPoint} is mounted noexec`, {
    hint: asRoot(`mount -o remount,exec ${shellWord(mount.mountPoint)}`),
  });
}

/**
 * The files with what lies under their names. A file of others is never overwritten: throws `preflight` that
 * names all of them.
 */
async function freeNames({ product, again }: Session, files: readonly WantedFile[]): Promise<PlannedFile[]> {
  const planned: PlannedFile[] = [];
  const taken: [string, string][] = [];
  for (const file of files) {
    // Looked at before it is read: what another process puts there in between differs from it.
    const found = await foundAt(file.path);
    const why = await whyNotOurs(file.path, product.name);
    if (why !== undefined && why !== 'missing') taken.push([file.path, why]);
    planned.push({ ...file, found });
  }
  const [first] = taken;
  if (first === undefined) return planned;
  const [path, why] = first;
  throw new IvaapError('preflight', `${path} is not replaced: ${why}`, {
    facts: taken.slice(1).map(([other, reason]) => `${other}: ${reason}`),
    hint:
      `ls -ld ${shellWord(path)}; ` +
      `${asRoot(`mv ${shellWord(path)} ${shellWord(`${path}.before`)}`)}; then: ${again()}`,
  });
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

async function areThere(files: readonly WantedFile[]): Promise<boolean> {
  for (const { path, text } of files) {
    if ((await readRegularText(path).catch(() => undefined)) !== text) return false;
  }
  return true;
}
