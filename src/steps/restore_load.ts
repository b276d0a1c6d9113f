import type * as z from 'zod';
import { isProved, loadBeside } from '../backup/restore-copy.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { RestoreContext } from '../release/context.ts';
import { copySchema, loadId } from '../release/restore-record.ts';
import { isSwapped } from '../release/restore-swap.ts';

/** Loads the dump into a database beside the live one and proves it, while the product runs. */
export const restoreLoad: Step<RestoreContext, z.infer<typeof copySchema>> = {
  id: loadId,
  out: copySchema,
  title: 'Load the dump beside the database',
  needs: [],
  revision: 1,
  inputs: ({ target: { dump } }) => ({ sha256: dump?.sha256 }),

  plan: async ({ product, target: { dump } }) => ({
    action: 'run',
    summary:
      `load ${dump?.path ?? ''} (${formatBytes(dump?.sizeBytes ?? 0)}) into a new database beside ` +
      `${product.database.name}, and compare every table`,
  }),

  async run(ctx, io) {
    const { dump, file } = ctx.target;
    if (dump === null) throw new IvaapError('bug', 'there is no dump to load');
    const total = dump.sizeBytes;
    const { name, rows, schemaVersion, seconds } = await loadBeside(
      ctx,
      file ? { ...dump, folder: undefined } : dump,
      {
        // What it is was only said so far.
        ...(file && { schemaVersion: dump.schemaVersion }),
        signal: io.signal,
        onBytes: (done) => io.progress({ done, total, unit: 'bytes', note: dump.path }),
      },
    );
    io.tell({ type: 'dump.restored', path: dump.path, sha256: dump.sha256, into: name });
    io.log(
      `${name}: ${counted(rows, 'row')}, schema version ${schemaVersion}, every table is as in the dump`,
    );
    return { restoreCopy: { name, rows, schemaVersion, seconds } };
  },

  async verify(ctx, { restoreCopy: { name } }) {
    if ((await isSwapped(ctx)) || (await isProved(ctx, name))) return;
    throw new IvaapError('failed', `the database ${name} is not there, or is not complete`);
  },
};
