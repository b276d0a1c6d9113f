/** Who holds the lock, as the lock file says; for messages only, the lock itself is the kernel's. */
export interface LockHolder {
  pid: number;
  /**
   * Clock ticks after boot at which the process started: with pid and boot it identifies one process forever.
   */
  startTime: number;
  bootId: string;
  /** The command line after the program's name, e.g. `install --upgrade`. */
  command: string;
  /** The same as it was typed, with the executable's path; older programs do not write it. */
  again?: string;
  version: string;
  /** ISO 8601. */
  since: string;
  by: string;
  /** The step that was started last. */
  step?: string;
}

export interface HeldLock {
  /** Hand it to programs that may outlive us (Helm): the lock is held until the last copy is closed. */
  readonly descriptor: number;
  /** Says in the lock file which step is going on. Never throws. */
  working(step: string): void;
  release(): void;
}

/** One run at a time. The engine knows the lock by this shape alone. */
export interface Lock {
  /** Throws IvaapError `locked`, naming who holds it, since when and at which step. */
  acquire(): Promise<HeldLock>;
}
