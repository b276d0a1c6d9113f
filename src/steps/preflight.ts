import type { Step } from '../engine/step.ts';
import type { InstallContext } from './context.ts';

/** Records what the host was measured to have, and the answers of the operator. */
export const preflight: Step<InstallContext> = {
  id: 'preflight',
  title: 'Check the host',
  needs: [],
  midpoint: 'host-described',
  revision: 1,
  inputs: ({ payload, fqdn, storagePath }) => ({ payload: payload.digest, fqdn, storagePath }),
  plan: async ({ requirements }) => ({
    action: 'run',
    summary: 'compare processors, memory and free room with what an install needs',
    details: requirements.map(({ summary }) => summary),
  }),
  async run({ requirements, kubectl, k3s, fqdn, storagePath }, io) {
    for (const { summary } of requirements) io.log(summary);
    const cluster = await kubectl.serverVersion();
    await io.midpoint();
    return {
      preflight: {
        cluster,
        k3s,
        requirements: requirements.map(({ id, measured, limit }) => ({ id, measured, limit })),
      },
      answers: { fqdn, storagePath },
    };
  },
};
