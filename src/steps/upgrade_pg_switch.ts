import * as z from 'zod';
import type { PgDump } from '../backup/dump-record.ts';
import { sealFolders } from '../backup/backup-folder.ts';
import { otherRows } from '../backup/row-proof.ts';
import { endSessions, letGo, sessionsOf } from '../backup/swap-databases.ts';
import { type MajorChange, switchResult } from '../backup/upgrade-results.ts';
import type { JsonObject, Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { DumpScan } from '../host/dump-scan.ts';
import { dumpText } from '../host/dump-source.ts';
import type { UpgradeContext } from '../release/context.ts';
import { type FolderNames, folderState, recordedNames, switchFolders } from '../release/data-folders.ts';
import { databaseLives, databaseSince, haltDatabase, livesOfDatabase } from '../release/halt.ts';
import { keptFolderName, newFolderName } from '../release/aside-folders.ts';
import { removeNextServer } from '../release/next-server.ts';
import { refuseWorking } from '../release/removed-folder.ts';
import { upgradePgBackup } from './upgrade_pg_backup.ts';

/**
 * Proves that no row has come since the dump, stops the old server, and puts the new data folder into the
 * place of the live one, which is kept beside it. From here on the way back is the kept folder.
 */
export const upgradePgSwitch: Step<UpgradeContext, z.infer<typeof switchResult.out>> = {
  ...switchResult,
  title: 'Switch the data folders',
  needs: [],
  revision: 1,
  inputs: ({ majorChange }) => ({ majorChange }),

  plan: async ({ majorChange }) => ({
    action: 'run',
    summary:
      `stop PostgreSQL ${majorChange?.from ?? ''}, keep ${majorChange?.folder ?? ''} beside it with ` +
      `.pg${majorChange?.from ?? ''}-TIME in its name, and put the new folder in its place`,
  }),

  async run(ctx, io) {
    const { majorChange, from, run, now } = ctx;
    const dump = io.result(upgradePgBackup)?.pgDump;
    if (majorChange === undefined || dump === undefined)
      throw new IvaapError('bug', 'there is nothing to switch');
    const { folder: live, ...majors } = majorChange;
    const names = namesOf(run(), majorChange, () => keptFolderName(live, majors.from, now()));
    if ((await folderState(names)) === 'before') await letOldEnd(ctx, io, { names, dump });
    await switchFolders(names, io);
    io.warn(`the data are PostgreSQL ${majors.to}'s; those of ${from} are kept as ${names.outgoing}`);
    return { dataFolder: { live, kept: names.outgoing, majors } };
  },

  async verify({ run }, { dataFolder: { live, kept, majors } }) {
    const names = namesOf(run(), { ...majors, folder: live }, () => kept);
    if ((await folderState(names)) !== 'after')
      throw new IvaapError('failed', `${live} does not hold the data of PostgreSQL ${majors.to}`);
  },
};

/** As they were recorded; before that, `kept` names the folder that will be kept. */
const namesOf = (
  run: ReturnType<UpgradeContext['run']>,
  change: MajorChange,
  kept: () => string,
): FolderNames =>
  recordedNames(run, switchResult.id) ?? {
    live: change.folder,
    incoming: newFolderName(change.folder, change.to),
    outgoing: kept(),
    major: change.to,
  };

/** All that comes before the first folder is moved. */
async function letOldEnd(
  ctx: UpgradeContext,
  io: StepIo,
  { names, dump }: { names: FolderNames; dump: PgDump },
): Promise<void> {
  const { product, kubectl, from, majorChange, again } = ctx;
  const ports = { kubectl, product, signal: io.signal };
  const before = provedSchema.safeParse(io.interrupted).data;
  const isProved = before?.provedDump === dump.sha256 && (await restsSince(ctx, ports, before.databaseLives));
  const lives = isProved ? before.databaseLives : await livesOfDatabase(ports);
  if (!isProved) await proveUnchanged(ctx, io, dump);
  await io.record({ folders: { ...names }, provedDump: dump.sha256, databaseLives: lives });
  await io.checkpoint('proved');
  await removeNextServer(ctx, io.signal);
  await haltDatabase(ports, { by: 'upgrade', say: io.log });
  await io.checkpoint('database-stopped');
  for (const folder of [names.live, names.incoming]) refuseWorking('failed', folder, again());
  const { schemaVersion, schemaFingerprint } = dump;
  const helmRevision = (await ctx.helm.current())?.revision ?? 0;
  await ctx.recordDataFolder({
    path: names.outgoing,
    live: names.live,
    major: majorChange?.from ?? 0,
    version: from,
  });
  await io.pointOfNoReturn(
    JSON.parse(JSON.stringify({ schemaVersion, schemaFingerprint, helmRevision })) as JsonObject,
  );
  await sealFolders(ctx.wayBack().anchored);
}

/** What an earlier attempt has recorded: the dump was compared while the database's workloads were these. */
const provedSchema = z.object({ provedDump: z.string(), databaseLives });

/** Throws `failed` where it rests, and ran since it was compared: rows may have come that no dump has. */
async function restsSince(
  { again }: UpgradeContext,
  ports: Parameters<typeof databaseSince>[0],
  lives: z.infer<typeof databaseLives>,
): Promise<boolean> {
  const since = await databaseSince(ports, lives);
  if (since !== 'started') return since === 'rests';
  throw new IvaapError(
    'failed',
    'the database was started and stopped again since it was compared with its dump: rows may have come ' +
      'that are in no dump',
    { hint: `once it runs again it is dumped anew: ${again()}` },
  );
}

/** Sessions of others may have written since the dump: what it lacks must not be left behind. */
async function proveUnchanged(ctx: UpgradeContext, io: StepIo, dump: PgDump): Promise<void> {
  const { database, again } = ctx;
  const { signal } = io;
  await letGo(ctx, io);
  await endSessions(ctx, signal);
  const scan = new DumpScan();
  for await (const piece of dumpText(dump)) scan.update(piece);
  const differences = await otherRows(database, scan.finish(), signal);
  const open = differences === undefined ? await sessionsOf(ctx, signal) : [];
  if (differences === undefined && open.length === 0) return;
  await io.record({ lacksRows: dump.sha256 });
  throw new IvaapError(
    'failed',
    differences === undefined
      ? `others still work with the database, and may write into it: ${open.map(foreign).join('; ')}`
      : `others have written into the database since its dump: ${differences}`,
    { hint: `end what writes there, then: ${again()}` },
  );
}
