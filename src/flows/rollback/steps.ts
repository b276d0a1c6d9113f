import { jsonObject } from '../../engine/json-object.ts';
import { undoId } from '../../engine/rollback-record.ts';
import type { JsonObject, Step, Undo, UndoPlan } from '../../engine/step.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { InstallContext, RollbackContext } from '../../release/context.ts';
import { stoppedBy } from '../../release/undo-stops.ts';
import { rollbackHalt } from '../../steps/rollback_halt.ts';
import { rollbackPgBackup } from '../../steps/rollback_pg_backup.ts';
import { installSteps } from '../install/steps.ts';

/** Leaves nothing but its record. */
const recordOnly: Undo<InstallContext, JsonObject> = {
  destructive: false,
  plan: async () => ({ removes: [], keeps: [], stops: [] }),
  run: async () => ({}),
  verify: async () => {},
};

/** The install's steps that a rollback undoes, newest first. */
export function undoneSteps(
  product: Pick<Product, 'health'>,
  undone: readonly string[],
): Step<InstallContext>[] {
  const all = installSteps(product);
  return undone.flatMap((id) => all.find((step) => step.id === id) ?? []);
}

export const losesData = (steps: readonly Step<InstallContext>[]): boolean =>
  steps.some(({ undo }) => undo?.destructive === true);

/** A chain: the halt and the last dump where data may be lost, then the undo of each step, newest first. */
export function rollbackSteps(
  product: Pick<Product, 'health'>,
  { undone }: Pick<RollbackContext, 'undone'>,
): Step<RollbackContext>[] {
  const targets = undoneSteps(product, undone);
  const dump = [rollbackHalt, { ...rollbackPgBackup, needs: [rollbackHalt.id] }];
  const steps: Step<RollbackContext>[] = losesData(targets) ? dump : [];
  for (const target of targets) steps.push(undoStep(target, steps.at(-1)?.id));
  return steps;
}

/** What the step of an install has returned last, whatever became of it since. */
function doneOf(
  step: Step<InstallContext>,
  { install }: Pick<InstallContext, 'install'>,
): JsonObject | undefined {
  const record = install()?.steps[step.id];
  return step.out.safeParse(record?.out ?? record?.earlier).data;
}

export const undoPlanOf = (step: Step<InstallContext>, ctx: InstallContext): Promise<UndoPlan> =>
  (step.undo ?? recordOnly).plan(ctx, doneOf(step, ctx));

function undoStep(step: Step<InstallContext>, need: string | undefined): Step<RollbackContext> {
  const undo = step.undo ?? recordOnly;
  return {
    id: undoId(step.id),
    title: `Undo: ${step.title}`,
    needs: need === undefined ? [] : [need],
    revision: 1,
    out: jsonObject,
    undoes: { step: step.id, ...undo.forgets },
    inputs: () => ({}),
    plan: async () => ({ action: 'run', summary: `undo ${step.id}` }),

    async preview(ctx) {
      const { removes, keeps, stops } = await undoPlanOf(step, ctx);
      const details = [
        ...removes.map((what) => `removes ${what}`),
        ...keeps.map((what) => `keeps ${what}`),
        ...stops.map(({ what }) => `STOPS: ${what}`),
      ];
      const shown = details.length === 0 ? ['removes only its record'] : details;
      const data = { removes, keeps, stops: stops.map(({ what }) => what), destructive: undo.destructive };
      return { brief: shown.join('; '), details: shown, data };
    },

    async run(ctx, io) {
      // Others may have made something there since the plan.
      const stopped = stoppedBy('failed', (await undoPlanOf(step, ctx)).stops, ctx);
      if (stopped !== undefined) throw stopped;
      return undo.run(ctx, io, doneOf(step, ctx));
    },

    verify: (ctx, left) => undo.verify(ctx, left),
  };
}
