import type { FlowOptions } from '../flow.ts';

export interface RollbackOptions extends FlowOptions {
  /** The step that the next install begins with: it and all after it are undone. */
  step: string;
  /** Consent to what undoing loses. */
  acceptDataLoss: boolean;
  /** Takes no last dump. */
  skipBackup: boolean;
  yes: boolean;
}
