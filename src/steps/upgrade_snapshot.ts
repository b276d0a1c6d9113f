import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type * as z from 'zod';
import { readRegular } from '../host/regular-file.ts';
import type { State } from '../engine/state.ts';
import type { JsonObject, Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { releaseSecretName } from '../host/helm.ts';
import { isSealed, keepFile, makeBackupFolder } from '../backup/backup-folder.ts';
import type { UpgradeContext } from '../release/context.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import { snapshotResult } from '../backup/upgrade-results.ts';
import { upgradePgBackup } from './upgrade_pg_backup.ts';

const valuesFile = 'helm-values.json';
const releaseFile = 'helm-release-secret.json';
const lastFile = 'helm-history.json';

/** Copies state, values and Helm's own records of the release next to the dump. */
export const upgradeSnapshot: Step<UpgradeContext, z.infer<typeof snapshotResult.out>> = {
  ...snapshotResult,
  title: 'Save state, values and Helm history',
  needs: [upgradePgBackup.id],
  clears: ['snapshot'],
  revision: 1,
  inputs: ({ from, product }) => ({ from, release: product.release, namespace: product.namespace }),

  plan: async ({ paths }) => ({
    action: 'run',
    summary:
      "copy state, values, Helm's values, history and release " +
      `record into the backup folder below ${paths.backups}`,
  }),

  async preview({ paths, skipBackup }) {
    const files = snapshotFiles(paths);
    const place = skipBackup ? `a new folder below ${paths.backups}` : `the dump's folder`;
    return { details: [`into ${place}: ${files.join(', ')}`], data: { below: paths.backups, files } };
  },

  async run(ctx, io) {
    const { helm, helmJournal, product, paths, program } = ctx;
    const release = await helm.current();
    if (release === undefined && helmJournal().emptied !== true) {
      throw new IvaapError('failed', `the Helm release ${product.release} is gone`, {
        hint: `${program} repair-state`,
      });
    }
    const folder = await folderFor(ctx, io);
    const overlay = overlayBefore(ctx, io);
    const contents: [name: string, text: string | Buffer][] = [
      [basename(paths.state), stateWithoutRun((await readRegular(paths.state)).toString())],
      [basename(paths.values), await readRegular(paths.values)],
      ...(existsSync(overlay)
        ? [[basename(paths.overlay), await readRegular(overlay)] satisfies [string, Buffer]]
        : []),
      ...(release === undefined ? [] : await releaseContents(ctx, release.revision)),
      // Last: a snapshot with a history is complete.
      [lastFile, `${JSON.stringify(await helm.history(), null, 2)}\n`],
    ];
    const half = Math.floor(contents.length / 2);
    for (const [index, [name, text]] of contents.entries()) {
      io.signal.throwIfAborted();
      if (index === half) await io.checkpoint('half-copied');
      await keepFile(folder, name, text);
    }
    await io.recordOriginal({ snapshotFolder: folder });
    io.log(`${folder}: ${contents.map(([name]) => name).join(', ')}`);
    return {
      snapshot: { folder, files: contents.map(([name]) => name), helmRevision: release?.revision ?? 0 },
    };
  },

  async verify(_ctx, { snapshot: { folder, files } }) {
    for (const name of files) await stat(join(folder, name));
  },
};

/** For later steps: it is never skipped. */
export function snapshotOf(io: StepIo): z.infer<typeof snapshotResult.out>['snapshot'] {
  const result = io.result(upgradeSnapshot);
  if (result !== undefined) return result.snapshot;
  throw new IvaapError('bug', 'there is no snapshot of this upgrade');
}

async function releaseContents(
  { helm, kubectl, product: { release, namespace } }: UpgradeContext,
  revision: number,
): Promise<[name: string, text: string][]> {
  const secretName = releaseSecretName(release, revision);
  const secret = await kubectl.get('secret', secretName, { namespace });
  if (secret === undefined) throw new IvaapError('failed', `Helm's record ${secretName} is missing`);
  return [
    [valuesFile, await helm.values()],
    [releaseFile, `${JSON.stringify(secret)}\n`],
  ];
}

/**
 * The state without this run. A copy with the unfinished run, put back later, would resume it a second time
 * over what it has done since.
 */
function stateWithoutRun(text: string): string {
  const { run, ...state } = JSON.parse(text) as State;
  if (run === undefined) return text;
  const { id, flow, from, to, payloadDigest, startedAt, startedBy, status, binary, again, key } = run;
  const derived = Object.assign(
    {},
    ...Object.values(run.steps).map((step) => (step.status === 'completed' ? step.out : {})),
  ) as JsonObject;
  const madeBy = {
    id,
    flow,
    from,
    to,
    payloadDigest,
    startedAt,
    startedBy,
    status,
    binary,
    again,
    key,
    derived,
  };
  return `${JSON.stringify({ ...state, madeBy }, null, 2)}\n`;
}

/** File names in the backup folder. */
const snapshotFiles = (paths: ProductPaths): string[] => [
  basename(paths.state),
  basename(paths.values),
  ...(existsSync(paths.overlay) ? [basename(paths.overlay)] : []),
  valuesFile,
  releaseFile,
  lastFile,
];

/**
 * The dump's folder, or that of this step's own interrupted attempt; a new one where a complete snapshot
 * exists already: it is never overwritten.
 */
function folderFor(ctx: UpgradeContext, io: StepIo): Promise<string> {
  const dump = io.result(upgradePgBackup)?.pgDump.folder;
  const own = typeof io.interrupted?.folder === 'string' ? io.interrupted.folder : undefined;
  const free = dump === own || (dump !== undefined && !isSealed(dump) && !existsSync(join(dump, lastFile)));
  return makeBackupFolder(ctx, io, free ? dump : own);
}

/**
 * The overlay of the installed release: in its place, or, once an unfinished upgrade may have written its own
 * there, in the first snapshot.
 */
function overlayBefore({ paths }: UpgradeContext, io: StepIo): string {
  const { snapshotFolder } = io.originals;
  return typeof snapshotFolder === 'string' ? join(snapshotFolder, basename(paths.overlay)) : paths.overlay;
}
