import * as z from 'zod';
import { readRegularText } from '../host/regular-file.ts';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeBackupFolder } from '../backup/backup-folder.ts';
import { deployedSchema } from '../backup/upgrade-results.ts';
import { rollbackToBeginAnew } from '../policy/again.ts';
import type { InstallContext } from '../release/context.ts';
import { type HelmRun, runHelm } from '../release/helm-run.ts';
import { assertDeployed, endedWithoutUs, repairHelm } from '../release/helm-state.ts';
import { uninstallRelease } from '../release/helm-uninstall.ts';
import { markClaims } from '../release/mark-claims.ts';
import { releaseStops } from '../release/undo-stops.ts';
import { sha256Of } from '../release/values-overlay.ts';
import { loadImagesStep } from './load_images.ts';
import { sudo } from '../shell-word.ts';

const out = z.object({ helm: deployedSchema });

/**
 * The first `helm install`, never rolled back on failure: that would uninstall. What failed stays for
 * inspection, and the next attempt upgrades it.
 */
export const helmDeploy: Step<InstallContext, z.infer<typeof out>> = {
  id: 'helm_deploy',
  out,
  title: 'Deploy the release',
  needs: [loadImagesStep.id],
  revision: 1,
  inputs: ({ payload, to }) => ({ payload: payload.digest, to }),
  plan: async ({ product, to }) => ({
    action: 'run',
    summary:
      `helm install ${product.release} ${to} into ${product.namespace}, with ` +
      `a wait of up to ${product.helm.timeoutSeconds / 60} minutes`,
  }),

  async run(ctx, io) {
    const { helm, paths, to } = ctx;
    const { act, historyMax } = await repairHelm(ctx, io, 'install', () => keptFolder(ctx, io));
    const revisionBefore = (await helm.current())?.revision ?? 0;
    await io.pointOfNoReturn({ helmRevision: revisionBefore });
    const values = sha256Of(await readRegularText(paths.values));
    if (!(await endedWithoutUs(ctx, values))) {
      const verb = act === 'install' ? 'install' : 'upgrade';
      const records = (await helm.history()).length;
      await deploy(ctx, io, { verb, values, revisionBefore, records, historyMax, forceConflicts: false });
    }
    const release = await helm.current();
    return {
      helm: {
        revision: release?.revision ?? null,
        version: to,
        values,
      },
    };
  },

  verify: assertDeployed,

  undo: {
    destructive: true,

    async plan(ctx) {
      const { helm, product } = ctx;
      const release = await helm.current();
      const there = release !== undefined || (await helm.history()).length > 0;
      const what = `the Helm release ${product.release} with all its objects and records`;
      return { removes: there ? [what] : [], keeps: [], stops: await releaseStops(ctx) };
    },

    async run(ctx, io) {
      await markClaims(ctx.kubectl, ctx.product, io.signal);
      await uninstallRelease(ctx, io);
      return {};
    },

    async verify({ helm, product }) {
      if ((await helm.history()).length === 0) return;
      throw new IvaapError('failed', `the Helm release ${product.release} still exists`, {
        hint:
          `${sudo.kubectl} get secrets -n ${product.namespace} -l owner=helm,name=${product.release} ` +
          '-L status,version',
      });
    },
  },
};

/** The folder for deleted Helm records: one for all attempts. */
function keptFolder(ctx: InstallContext, io: StepIo): Promise<string> {
  const earlier = io.interrupted?.folder;
  return makeBackupFolder(ctx, io, typeof earlier === 'string' ? earlier : undefined);
}

async function deploy(ctx: InstallContext, io: StepIo, run: HelmRun): Promise<void> {
  io.signal.throwIfAborted();
  try {
    await runHelm(ctx, io, run);
  } catch (error) {
    if (!(error instanceof IvaapError)) throw error;
    throw new IvaapError('failed', `the first deployment of ${ctx.to} failed`, {
      cause: error,
      output: error.output,
      hint:
        `${error.hint ?? 'Fix the cause'}, then: ${ctx.again()}\nIf the cause is in this package, ` +
        'a fixed package resumes the run: ' +
        `${ctx.again({ program: 'FIXED_FILE', add: ['--supersede'], without: ['--resume'] })}` +
        beginAnew(ctx),
    });
  }
}

/** An earlier package has made data, which may be what this one cannot work with. */
function beginAnew({ run, again }: InstallContext): string {
  if ((run()?.pointOfNoReturn?.versions ?? []).length < 2) return '';
  return (
    '\nIf the data of the package before are the cause, to begin without them (a last dump is taken, and ' +
    `their folder is renamed, not deleted): ${rollbackToBeginAnew(again)}`
  );
}
