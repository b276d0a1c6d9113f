import { IvaapError } from '../../errors.ts';
import type { StepContext } from '../../release/context.ts';
import type { FlowOptions } from '../flow.ts';
import type { Question } from '../question.ts';
import type { FlowPorts } from '../../session/ports.ts';

export interface UpgradeOptions extends FlowOptions {
  skipBackup: boolean;
  acceptUnsupported: boolean;
  reapply: boolean;
  /** Closes the unfinished upgrade of another package. */
  supersede: boolean;
  yes: boolean;
  imagesFrom: StepContext['imagesFrom'];
  refreshArchives: boolean;
  forceConflicts: boolean;
  /**
   * Fingerprint of the key that this file is expected to have, or `unsigned`: accepted although the installed
   * release has another.
   */
  trustKey: string | undefined;
  /** `ID=REASON`, each. */
  waive: readonly string[];
}

/** Throws `usage` for options that exclude each other, before anything is read. */
export function assertUpgradeOptions(
  options: UpgradeOptions,
  ports: Pick<FlowPorts, 'again' | 'confirm'>,
): void {
  if (!options.reapply) return;
  if (options.skipBackup) {
    throw new IvaapError('usage', '--reapply takes a fresh dump and excludes --skip-backup', {
      hint: ports.again({ without: ['--skip-backup'] }),
    });
  }
  const asks = !options.yes && !options.preflightOnly && !options.dryRun;
  if (asks && ports.confirm === undefined) {
    throw new IvaapError('usage', '--reapply asks for confirmation, but there is no terminal', {
      hint: ports.again({ add: ['--yes'] }),
    });
  }
}

/** Undefined where nothing is asked. */
export function reapplyQuestion(
  { again }: Pick<FlowPorts, 'again'>,
  { reapply, yes }: UpgradeOptions,
  { from, to }: { from: string; to: string },
): Question | undefined {
  if (!reapply || yes) return undefined;
  return {
    text: `Run every step of the upgrade from ${from} to ${to} again, with a fresh dump and snapshot?`,
    hint: `to run it without the question: ${again({ add: ['--yes'] })}`,
  };
}
