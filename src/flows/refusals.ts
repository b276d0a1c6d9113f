import { type ErrorCode, IvaapError } from '../errors.ts';

/** Ends of ours, and of whoever stopped us: nothing that a run would be refused for. */
const noRefusal: readonly ErrorCode[] = ['bug', 'interrupted', 'terminated'];

/**
 * What stands against a run: a dry run tells all that it can find, where the run itself ends with the first.
 */
export class Refusals {
  readonly found: IvaapError[] = [];

  constructor(first?: IvaapError) {
    this.add(first);
  }

  add(refusal: IvaapError | undefined): void {
    if (refusal !== undefined) this.found.push(refusal);
  }

  /** What was asked for, or undefined when it refused. */
  async collect<T>(ask: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof IvaapError) || noRefusal.includes(error.code)) throw error;
      this.add(error);
      return undefined;
    }
  }
}
