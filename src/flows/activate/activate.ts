import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, delimiter, join } from 'node:path';
import { IvaapError } from '../../errors.ts';
import { removeEmptyFolder } from '../../host/remove-tree.ts';
import { DiskReserve } from '../../host/reserve.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { pathNames } from '../../policy/path-names.ts';
import type { Activation } from '../../release/activation-record.ts';
import { findOnPath, removeFromPath } from '../../release/remove-from-path.ts';
import { readOwnState } from '../../session/own-state.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { Session } from '../../session/session.ts';
import { unlessStopped } from '../../session/stoppable.ts';
import { shellWord } from '../../shell-word.ts';
import { known } from '../../known.ts';
import { confirmed } from '../question.ts';
import { placeOnPath } from './place.ts';
import { type ActivationPlan, planActivation, type ShareFiles } from './plan.ts';
import type { ActivateResult } from '../../queries/activate-schema.ts';

export interface ActivateOptions {
  /** A whole copy of the executable is agreed to. */
  copy: boolean;
  trustKey: string | undefined;
}

const command = 'activate';

/** Puts this version on PATH, or says that it is there. */
export function activate(
  options: ActivateOptions,
  ports: CommandPorts,
  shareFiles: ShareFiles,
): Promise<ActivateResult> {
  return locked(ports, async (session) => {
    const plan = await planActivation(session, options, shareFiles);
    if (plan.isDone && plan.before !== undefined)
      return resultOf(session, plan, plan.before, { changed: false });
    await assertAgreed(session, plan, options);
    const agreeToCopy = async () => {
      const { executable } = plan;
      // Its blocks were to be shared, and the file system does not do that.
      if (executable.how === 'reflink')
        await assertAgreed(session, { ...plan, executable: { ...executable, how: 'copy' } }, options);
    };
    return resultOf(session, plan, await placeOnPath(session, plan, agreeToCopy), { changed: true });
  });
}

/** Removes what `activate` has put on this host, and nothing else. */
export function deactivate(ports: CommandPorts): Promise<ActivateResult> {
  return locked(ports, async (session) => {
    const { product, paths } = session;
    const state = await known(readOwnState(session, session.program));
    // Where the state does not say which executable goes back to its release, all of them stay.
    const named = state.known ? JSON.stringify(state.value ?? {}) : undefined;
    const { copies } = await findOnPath({ product, paths });
    const keepCopies = copies.filter((path) => named?.includes(JSON.stringify(path)) ?? true);
    const { removed, left } = await removeFromPath({ product, paths }, { keepCopies });
    const nothing = { version: null, how: null, executable: null, names: [], folders: [], notes: [] };
    return { active: false, changed: removed.length > 0, ...nothing, removed, left };
  });
}

/** What an upgrade offers at its end: undefined where this version is on PATH already. */
export async function activationOffer(
  ports: CommandPorts,
  shareFiles: ShareFiles,
): Promise<string | undefined> {
  await using session = await Session.open(ports, { dryRun: false, preflightOnly: true });
  const plan = await planActivation(session, { trustKey: undefined }, shareFiles);
  if (plan.isDone) return undefined;
  const { product, release } = session;
  const what = `Put ${product.title} ${release.version} on PATH (${plan.names.join(', ')})?`;
  return plan.executable.how === 'copy' ? `${await copyText(plan)} ${what}` : what;
}

/**
 * Before an upgrade that shall be on PATH afterwards: throws what stands against that. Where nothing is
 * installed, the upgrade itself says what is wrong.
 */
export async function assertCanActivate(
  { trustKey }: Pick<ActivateOptions, 'trustKey'>,
  ports: CommandPorts,
  shareFiles: ShareFiles,
): Promise<void> {
  await using session = await Session.open(ports, { dryRun: false, preflightOnly: true });
  const state = await known(readOwnState(session, session.program));
  if (!state.known || state.value?.installed === undefined) return;
  const plan = await planActivation(session, { trustKey }, shareFiles);
  if (plan.isDone || plan.executable.how !== 'copy' || plan.executable.isThere) return;
  const { program, again } = session;
  throw new IvaapError('usage', `${await copyText(plan)} --activate does not copy it`, {
    hint: `${again({ without: ['--activate'] })}; then: ${program} activate --copy`,
  });
}

async function locked<T>(ports: CommandPorts, work: (session: Session) => Promise<T>): Promise<T> {
  await using session = await Session.open(ports, { dryRun: false });
  try {
    // Without the installer's folder there is nothing to lock, and nothing to do either.
    if (existsSync(session.paths.installer)) await session.takeLock(command, { leaveText: true });
    return await unlessStopped(session.signal, () => work(session));
  } catch (error) {
    throw session.redactor.error(error);
  } finally {
    if (session.lock !== undefined) await removeLoneLock(session.paths);
  }
}

/**
 * Where nothing else of ours is left, the lock goes, too. We hold it as long as we live; whoever opens
 * another one from here on finds nothing that we would still do.
 */
async function removeLoneLock({ installer, lock }: Session['paths']): Promise<void> {
  const names = await readdir(installer).catch(() => undefined);
  if (names === undefined || names.some((name) => name !== basename(lock))) return;
  await rm(lock, { force: true });
  await removeEmptyFolder(installer);
}

/** A whole copy of the executable is asked for: it takes gigabytes. Throws where there is no room. */
async function assertAgreed(
  session: Session,
  plan: ActivationPlan,
  { copy }: Pick<ActivateOptions, 'copy'>,
): Promise<void> {
  const { executable } = plan;
  if (executable.how !== 'copy' || executable.isThere) return;
  const { again, confirm, product } = session;
  const { keptBytes: reserved } = await DiskReserve.at(executable.executable, product.reserve);
  if (executable.freeBytes < executable.sizeBytes + reserved) {
    throw new IvaapError(
      'preflight',
      `${executable.because}, and a copy has no room: ${formatBytes(executable.sizeBytes)} needed and ` +
        `${formatBytes(reserved)} reserved, ${formatBytes(executable.freeBytes)} free on ` +
        executable.mountPoint,
      {
        hint:
          `df -h ${shellWord(executable.mountPoint)}; ` +
          'or put the file into a folder that only root may write',
      },
    );
  }
  if (copy) return;
  const agree = again({ add: ['--copy'] });
  if (confirm === undefined) {
    throw new IvaapError('usage', `${await copyText(plan)} That has to be agreed to`, { hint: agree });
  }
  const text = `${await copyText(plan)} Copy it?`;
  await confirmed({ confirm }, { text, hint: `to copy it without the question: ${agree}` });
}

async function copyText({ executable }: ActivationPlan): Promise<string> {
  if (executable.how === 'link') return '';
  const { because, sizeBytes, freeBytes, mountPoint } = executable;
  return (
    `The names cannot lead to this file (${because}), but to a copy of ${formatBytes(sizeBytes)}; ` +
    `${formatBytes(freeBytes)} are free on ${mountPoint}.`
  );
}

function resultOf(
  { product, release }: Session,
  { names, bins, notes }: ActivationPlan,
  { how, executable }: Activation,
  { changed }: { changed: boolean },
): ActivateResult {
  return {
    active: true,
    changed,
    version: release.version,
    how,
    executable,
    names,
    folders: bins,
    removed: [],
    left: [],
    notes: [...notes, ...shadowed(Object.values(pathNames(product)), bins)],
  };
}

/** What the operator's own PATH would find first, or that it does not find these names. */
function shadowed(names: readonly string[], bins: readonly string[]): string[] {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder.startsWith('/'));
  const first = folders.findIndex((folder) => bins.includes(folder));
  if (first === -1) return [`${bins[0] ?? ''} is not on your PATH`];
  return names.flatMap((name) =>
    folders
      .slice(0, first)
      .map((folder) => join(folder, name))
      .filter((path) => existsSync(path))
      .map((path) => `${path} comes first on your PATH`),
  );
}
