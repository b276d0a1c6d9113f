import type { Step } from '../engine/step.ts';
import type { UpgradeContext } from './context.ts';

/** Records what the host was measured to have, before anything is touched. */
export const upgradePreflight: Step<UpgradeContext> = {
  id: 'upgrade_preflight',
  title: 'Check the host',
  needs: [],
  midpoint: 'host-described',
  revision: 1,
  inputs: ({ payload }) => ({ payload: payload.digest }),
  plan: async ({ requirements }) => ({
    action: 'run',
    summary: 'compare processors, memory and free room with what an upgrade needs',
    details: requirements.map(({ summary }) => summary),
  }),
  async run({ requirements, kubectl, k3s }, io) {
    for (const { summary } of requirements) io.log(summary);
    const cluster = await kubectl.serverVersion();
    await io.midpoint();
    return {
      preflight: {
        cluster,
        k3s,
        requirements: requirements.map(({ id, measured, limit }) => ({ id, measured, limit })),
      },
    };
  },
};
