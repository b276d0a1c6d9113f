import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { RehearsalContext } from '../release/context.ts';
import { clearRehearsal } from '../release/rehearsal-clean.ts';
import { rehearseMigrate } from './rehearse_migrate.ts';

const out = z.object({ rehearsalRemoved: z.array(z.string()) });

/** Takes away the Job, its objects, the copy and its role. */
export const rehearseClean: Step<RehearsalContext, z.infer<typeof out>> = {
  id: 'rehearse_clean',
  out,
  title: 'Remove the copy',
  needs: [rehearseMigrate.id],
  revision: 1,
  inputs: ({ copy }) => ({ name: copy.name }),
  plan: async ({ copy }) => ({ action: 'run', summary: `remove the Job and ${copy.name} with its role` }),
  async run(ctx, io) {
    const rehearsalRemoved = await clearRehearsal(ctx, ctx.journal, io.signal);
    io.log(`removed: ${rehearsalRemoved.join(', ')}`);
    return { rehearsalRemoved };
  },
};
