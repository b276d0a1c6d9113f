import { availableParallelism, loadavg } from 'node:os';
import * as z from 'zod';
import { loadRehearsal } from '../backup/rehearsal-copy.ts';
import { assertCanRehearse, makeRole } from '../backup/rehearsal-role.ts';
import { recordVerified } from '../backup/verified-dump.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import type { RehearsalContext } from '../release/context.ts';
import { assertRehearsable } from '../release/rehearsal-parts.ts';
import { rehearsePgBackup } from './rehearse_pg_backup.ts';

const out = z.object({
  rehearsalCopy: z.object({ name: z.string(), rows: z.int(), seconds: z.number() }),
});

/** Restores the dump beside the live database, for a role of its own: the dump is proved by that. */
export const rehearseRestore: Step<RehearsalContext, z.infer<typeof out>> = {
  id: 'rehearse_restore',
  out,
  title: 'Restore the dump beside the database',
  needs: [rehearsePgBackup.id],
  revision: 1,
  inputs: ({ copy }) => ({ name: copy.name }),

  plan: async ({ product, copy }) => ({
    action: 'run',
    summary:
      `load it into ${copy.name} beside ${product.database.name}, compare every row, and give it to a role ` +
      'of its own, which can connect to no other database',
  }),

  async run(ctx, io) {
    const { product, copy, journal } = ctx;
    const { login } = assertRehearsable(product);
    const dump = io.result(rehearsePgBackup)?.rehearsalDump;
    if (dump === undefined) throw new IvaapError('bug', 'there is no dump to rehearse on');
    const { signal } = io;
    const { name, password } = copy;
    const [load = 0] = loadavg();
    const processors = availableParallelism();
    if (load > processors) {
      io.warn(
        `this host is busy (load ${load.toFixed(1)} on ${counted(processors, 'processor')}): it takes longer`,
      );
    }
    const { sessions } = await assertCanRehearse(ctx, login.user, signal);
    // Before anything is there: whatever run comes next removes it.
    await journal.update((draft, at) => void (draft.rehearsing = { at, name }));
    await io.checkpoint('recorded');
    await makeRole(ctx, name, { password, sessions, signal });
    await io.checkpoint('role-made');
    const verified = await loadRehearsal(ctx, dump, {
      name,
      user: login.user,
      signal,
      onBytes: (done) => io.progress({ done, total: dump.sizeBytes, unit: 'bytes', note: dump.path }),
    });
    await journal.update((draft) => recordVerified(draft, dump.path, verified));
    io.tell({ type: 'dump.restored', path: dump.path, sha256: dump.sha256, into: name });
    const { rows, seconds } = verified;
    io.log(`${name}: ${counted(rows, 'row')}, every table is as in the dump`);
    return { rehearsalCopy: { name, rows, seconds } };
  },
};
