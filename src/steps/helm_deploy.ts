import { readFile } from 'node:fs/promises';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { InstallContext } from './context.ts';
import { runHelm } from './helm_run.ts';
import { sha256Of } from './values_overlay.ts';

/**
 * The first `helm install`, never rolled back on failure: that would uninstall. What failed stays to be looked at, and the next
 * attempt upgrades it.
 */
export const helmDeploy: Step<InstallContext> = {
  id: 'helm_deploy',
  title: 'Deploy the release',
  needs: ['load_images'],
  midpoint: 'helm-ended',
  revision: 1,
  destructive: true,
  inputs: ({ payload, to }) => ({ payload: payload.digest, to }),
  plan: async ({ product, to }) => ({
    action: 'run',
    summary: `helm install ${product.release} ${to} into ${product.namespace}, waited for up to ${product.helm.timeoutSeconds / 60} minutes`,
  }),

  async run(ctx, io) {
    const { helm, product, paths, to } = ctx;
    const found = await helm.current();
    if (found?.status.startsWith('pending') === true || found?.status === 'uninstalling') {
      throw new IvaapError(
        'failed',
        `the Helm release ${product.release} is ${found.status}: an earlier Helm was cut off`,
        { hint: `k3s kubectl get secrets -n ${product.namespace} -l owner=helm,name=${product.release}` },
      );
    }
    await io.pointOfNoReturn({ helmRevision: found?.revision ?? 0 });
    const done = found?.status === 'deployed' && found.appVersion === to;
    if (!done) await deploy(ctx, io, found === undefined ? 'install' : 'upgrade');
    await io.midpoint();
    const release = await helm.current();
    return {
      helm: {
        revision: release?.revision ?? null,
        version: to,
        values: sha256Of(await readFile(paths.values, 'utf8')),
      },
    };
  },

  async verify({ helm, to }) {
    const release = await helm.current();
    if (release?.status === 'deployed' && release.appVersion === to) return;
    throw new IvaapError('failed', `the release is ${release?.status ?? 'missing'}, not deployed with ${to}`);
  },

  async undo({ helm, product }) {
    await helm.uninstall({ timeoutSeconds: product.helm.timeoutSeconds });
  },
};

async function deploy(
  ctx: InstallContext,
  io: Parameters<typeof runHelm>[1],
  verb: 'install' | 'upgrade',
): Promise<void> {
  try {
    await runHelm(ctx, io, verb);
  } catch (error) {
    if (!(error instanceof IvaapError)) throw error;
    throw new IvaapError('failed', `the first deployment of ${ctx.to} failed`, {
      cause: error,
      ...(error.output === undefined ? {} : { output: error.output }),
      hint: `Mend the cause, then run the same command again: it goes on from here.`,
    });
  }
}
