import { existsSync } from 'node:fs';
import * as z from 'zod';
import { readKeptSecrets } from '../backup/kept-secrets.ts';
import type { Step } from '../engine/step.ts';
import { lastResult } from '../backup/step-results.ts';
import { treeBytes } from '../host/tree-size.ts';
import { lastDumpResult } from '../release/last-dump.ts';
import { IvaapError } from '../errors.ts';
import {
  generatedSecrets,
  keptDataPath,
  majorInFolder,
  readKeptData,
  secretsOfData,
  writeKeptData,
} from '../release/kept-data.ts';
import { hiddenText } from '../release/secrets-of-host.ts';
import type { UninstallContext, UninstallFindings } from '../release/uninstall-context.ts';
import { schemeOf, schemeRecord } from '../version.ts';
import { sudo } from '../shell-word.ts';
import { uninstallPgBackup } from './uninstall_pg_backup.ts';

const out = z.object({ keptData: z.object({ folder: z.string(), record: z.string() }) });

/** Records beside the data what a later install must know of them. */
export const uninstallKeep: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_keep',
  out,
  title: 'Record the data that are kept',
  needs: [uninstallPgBackup.id],
  revision: 1,
  inputs: ({ found }) => ({ folder: keptFolder(found) ?? null }),

  async plan({ choices, found }) {
    if (!choices.keepData) return { action: 'skip', summary: 'the data are not kept' };
    const folder = keptFolder(found);
    if (folder === undefined) return { action: 'skip', summary: 'there are no data' };
    return { action: 'run', summary: `write ${keptDataPath(folder)}, with the generated secrets` };
  },

  async run(ctx, io) {
    const { cluster, found, product } = ctx;
    const folder = keptFolder(found);
    if (folder === undefined) throw new IvaapError('bug', 'there is nothing to keep');
    if (ctx.run()?.noReturnAt !== undefined) {
      // The Secrets may be gone already; what an earlier attempt has written is checked when it is read.
      const earlier = await readKeptData(folder);
      if (earlier?.product === product.name) return { keptData: { folder, record: keptDataPath(folder) } };
    }
    if (cluster === undefined) {
      throw new IvaapError(
        'failed',
        `${keptDataPath(folder)} is gone, and only the cluster has the secrets`,
        {
          hint: `${sudo.systemctl} start k3s; then: ${ctx.again({ without: ['--without-cluster'] })}`,
        },
      );
    }
    const { kubectl, database } = cluster;
    const generated = await generatedSecrets(kubectl, product, await readKeptSecrets(ctx.keptSecrets)).catch(
      (error: unknown) => {
        throw error instanceof IvaapError && error.code === 'preflight'
          ? error.with({ code: 'failed' })
          : error;
      },
    );
    for (const values of Object.values(secretsOfData(generated)))
      for (const secret of Object.values(values)) ctx.hide(hiddenText(secret));
    const [postgresMajor, schemaVersion] = await Promise.all([
      majorInFolder(folder).then(
        async (major) => major ?? Number.parseInt(await database.serverVersion(io.signal), 10),
      ),
      database.schemaVersion(product.database.schemaVersionQuery, io.signal).catch(() => null),
    ]);
    const record = await writeKeptData({
      format: 1,
      product: product.name,
      version: ctx.to,
      ...schemeRecord(schemeOf(product)),
      schemaVersion,
      postgresMajor,
      folder,
      foundFolder: found.before,
      keptAt: ctx.now().toISOString(),
      rows:
        lastResult(ctx.run(), lastDumpResult)?.lastDump.rows ??
        (found.database.known ? found.database.value?.rows : undefined),
      sizeBytes: await treeBytes(folder),
      by: ctx.operator,
      ...generated,
    });
    return { keptData: { folder, record } };
  },

  async verify(_ctx, { keptData: { record } }) {
    if (!existsSync(record)) throw new IvaapError('failed', `${record} is missing`);
  },
};

/** The database's folder; after a rollback the newest one that it put aside. */
const keptFolder = ({ storagePath, data, putAside }: UninstallFindings): string | undefined =>
  storagePath !== undefined && data.there
    ? storagePath
    : putAside.findLast(({ by }) => by === 'rollback')?.path;
