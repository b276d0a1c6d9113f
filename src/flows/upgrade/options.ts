import { IvaapError } from '../../errors.ts';
import type { UpgradeDecision } from '../../policy/upgrade-policy.ts';
import type { StepContext } from '../../release/context.ts';
import { type Answer, confirmed } from '../question.ts';
import type { FlowPorts } from '../../session/ports.ts';

export interface UpgradeOptions {
  skipBackup: boolean;
  acceptUnsupported: boolean;
  reapply: boolean;
  /** Closes the unfinished upgrade of another package. */
  supersede: boolean;
  /** Tell what would be done, and change nothing. */
  dryRun: boolean;
  /** Read the whole payload although an earlier run found it intact. */
  reverify: boolean;
  yes: boolean;
  imagesFrom: StepContext['imagesFrom'];
  refreshArchives: boolean;
  forceConflicts: boolean;
  /** Fingerprint of the key that this file is expected to have, or `unsigned`: taken although the installed release has another. */
  trustKey: string | undefined;
  /** `ID=REASON`, each. */
  waive: readonly string[];
  preflightOnly: boolean;
}

/** Throws `usage` for options that exclude each other, before anything is looked at. */
export function assertOptions(options: UpgradeOptions, ports: FlowPorts): void {
  if (!options.reapply) return;
  if (options.skipBackup) {
    throw new IvaapError('usage', '--reapply makes a fresh backup: it excludes --skip-backup', {
      hint: ports.again({ without: ['--skip-backup'] }),
    });
  }
  const asks = !options.yes && !options.preflightOnly && !options.dryRun;
  if (asks && ports.confirm === undefined) {
    throw new IvaapError('usage', '--reapply asks for confirmation, and nobody can be asked here', {
      hint: ports.again({ add: ['--yes'] }),
    });
  }
}

/** Undefined where nothing is asked. Throws `declined` for a no. */
export async function confirmReapply(
  { reapply, yes }: UpgradeOptions,
  ports: FlowPorts,
  { from, to }: UpgradeDecision & { kind: 'allowed' },
): Promise<Answer | undefined> {
  if (!reapply || yes) return undefined;
  const question = `Run every step of the upgrade from ${from} to ${to} again, with a fresh dump and snapshot?`;
  const hint = `to run it without the question: ${ports.again({ add: ['--yes'] })}`;
  return confirmed(ports, question, hint);
}
