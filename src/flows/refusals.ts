import { type ErrorCode, IvaapError } from '../errors.ts';

/** Errors for which a run is not refused: a defect of ours, or a stop. */
const noRefusal: readonly ErrorCode[] = ['bug', 'interrupted', 'terminated'];

/**
 * The blockers of a run: a dry run reports all that it finds, the run itself ends with the first.
 */
export class Refusals {
  readonly found: IvaapError[] = [];

  constructor(first?: IvaapError) {
    this.add(first);
  }

  add(refusal: IvaapError | undefined): void {
    if (refusal !== undefined) this.found.push(refusal);
  }

  /** The result of `ask`, or undefined when it refused. */
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
