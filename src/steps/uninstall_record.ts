import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { mountHolding } from '../host/mounts.ts';
import { lastRecordFile } from '../release/last-record.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { type RecordedUninstall, uninstallResult } from '../release/uninstall-record.ts';

/**
 * Makes the folder for what is kept, with a record of what is removed: the journal lies in what is removed,
 * this record survives it.
 */
export const uninstallRecord: Step<UninstallContext, { uninstall: RecordedUninstall }> = {
  ...uninstallResult,
  title: 'Record what is removed',
  needs: [],
  revision: 1,
  inputs: ({ choices: { keepData, deleteBackups } }) => ({ keepData, deleteBackups }),
  plan: async ({ choices }) => ({ action: 'run', summary: `make ${choices.dumpTo} for what is kept` }),

  async run(ctx, io) {
    const { choices, found, product } = ctx;
    const { dumpTo } = choices;
    const { storagePath, movedFrom, before, database, keepsNamespace, rollbackDump } = found;
    const namespaceLabels = [...found.namespaceLabels];
    const neverStarted = database.known && database.value === null;
    const ofNamespace = { keepsNamespace, namespaceLabels };
    const dumpMount = mountHolding(dumpTo);
    const ofData = { storagePath, movedFrom, before, neverStarted, rollbackDump };
    const uninstall = { ...choices, dumpMount, ...ofData, ...ofNamespace };
    // Known before it is there: no attempt leaves a folder that the next one takes for others'.
    await io.record({ uninstall });
    const text = {
      format: 1,
      product: product.name,
      version: ctx.to,
      installedBy: ctx.installedBy ?? null,
      begunAt: ctx.now().toISOString(),
      host: hostname(),
      by: ctx.operator,
      keptData: choices.keepData ? (found.storagePath ?? null) : null,
      deletedBackups: choices.deleteBackups,
      withoutCluster: ctx.cluster === undefined,
    };
    try {
      await makeFolder(dumpTo, 0o700);
      const json = `${JSON.stringify(text, null, 2)}\n`;
      await writeFileAtomic(join(dumpTo, lastRecordFile), json, { mode: 0o600 });
    } catch (error) {
      if (!(error instanceof IvaapError)) throw error;
      // Nothing is removed yet: another folder does as well, on media that take no write at all too.
      throw error.with({ hint: `name another folder: ${ctx.again({ add: ['--dump-to FOLDER'] })}` });
    }
    return { uninstall };
  },

  async reuse({ choices }, { uninstall: { dumpTo } }) {
    if (dumpTo === choices.dumpTo) return;
    throw new IvaapError('failed', `what is kept goes to ${choices.dumpTo} now, not to ${dumpTo}`);
  },

  async verify(_ctx, { uninstall: { dumpTo } }) {
    if (existsSync(join(dumpTo, lastRecordFile))) return;
    throw new IvaapError('failed', `${dumpTo} has no ${lastRecordFile}`);
  },
};
