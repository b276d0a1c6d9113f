import { foreignRehearsals, assertCanRehearse } from '../../backup/rehearsal-role.ts';
import { IvaapError } from '../../errors.ts';
import type { RehearsalContext } from '../../release/context.ts';
import { assertRehearsable, objectsOf, rehearsalFacts } from '../../release/rehearsal-parts.ts';
import { foreignObjects } from '../../release/rehearsal-objects.ts';
import type { Session } from '../../session/session.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import { sudo } from '../../shell-word.ts';
import { Refusals } from '../refusals.ts';
import { decideUpgrade, type UpgradeStart } from '../upgrade/decision.ts';
import type { UpgradeOptions } from '../upgrade/options.ts';

/**
 * The gate of a rehearsal: that of the upgrade, which it never resumes. Where the upgrade has started Helm,
 * and that one did not roll back, there is nothing left to rehearse.
 */
export async function decideRehearsal(session: Session, options: UpgradeOptions): Promise<UpgradeStart> {
  const { product, again } = session;
  if (rehearsalFacts(product) === undefined) {
    throw new IvaapError(
      'preflight',
      `${product.title} has no rehearsal: this package does not say how it is told of another database`,
      { hint: again({ without: ['--rehearse'], add: ['--dry-run'] }) },
    );
  }
  const decision = await decideUpgrade(session, options);
  const { run } = decision.state;
  const point = run?.flow === 'upgrade' && run.status !== 'completed' ? run.pointOfNoReturn : undefined;
  // After a rollback all is as before.
  if (run !== undefined && point !== undefined && point.ends?.at(-1)?.code !== 'rolled_back') {
    throw new IvaapError(
      'version',
      `the upgrade to ${run.to} has started Helm: there is nothing to rehearse`,
      {
        hint: resumeCommand(run),
      },
    );
  }
  return { ...decision, fresh: true, resumed: false };
}

/** What stands against it on the server and in the cluster, by name; all of it. */
export async function rehearsalBlockers(
  ctx: RehearsalContext,
  signal: AbortSignal,
): Promise<readonly IvaapError[]> {
  const { product, database, release, kubectl } = ctx;
  const { login } = assertRehearsable(product);
  const refusals = new Refusals();
  await refusals.collect(async () => {
    const version = await database.schemaVersion(product.database.schemaVersionQuery, signal);
    if (version < release.schema.target) return;
    throw new IvaapError(
      'nothing_to_do',
      `the schema has version ${version}, and ${ctx.to} asks for no other: there is nothing to rehearse`,
      { hint: ctx.again({ without: ['--rehearse'] }) },
    );
  });
  await refusals.collect(() => assertCanRehearse(ctx, login.user, signal));
  const objects = (await refusals.collect(() => objectsOf(ctx, signal))) ?? [];
  await refusals.collect(async () => {
    const others = [
      ...(await foreignRehearsals(ctx, signal)),
      ...(await foreignObjects(kubectl, product, objects, signal)),
    ];
    if (others.length === 0) return;
    throw new IvaapError(
      'preflight',
      `what has the name of a rehearsal is not ours, and stays as it is: ${others.join(', ')}`,
      {
        hint: `rename it or remove it, if it is not needed: ${sudo.kubectl} get all -n ${product.namespace}`,
      },
    );
  });
  return refusals.found;
}
