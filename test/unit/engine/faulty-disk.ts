import type { Disk } from '../../../src/engine/disk.ts';

/** Thrown by every operation of a disk whose machine is dead. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** What of the last, unfinished operations a power cut leaves on the disk. */
export const losses = ['nothing-lost', 'unsynced-lost', 'torn'] as const;
export type Loss = (typeof losses)[number];

interface Content {
  text: string;
  durable: string;
}

/**
 * A disk in memory that knows what is durable: a write is so after the file's sync, a rename after the
 * folder's. Before operation number `dieAt` (from 1) the power goes; `fail` may refuse an operation instead.
 */
export class FaultyDisk implements Disk {
  /** File names as the running system sees them, and as they are on the platters. */
  readonly #names = new Map<string, Content>();
  readonly #durableNames = new Map<string, Content>();
  operations = 0;
  /** What each operation was, in order. */
  readonly kinds: string[] = [];
  dieAt = Infinity;
  dead = false;
  /** A write that `fail` refuses leaves this part of its text behind, from 0 to 1, as a full disk does. */
  leavesPart: number | undefined;
  fail: (operation: string, path: string, count: number) => Error | undefined = () => undefined;

  #begin(operation: string, path: string): void {
    if (this.dead) throw new PowerCut();
    this.operations += 1;
    this.kinds.push(operation);
    if (this.operations >= this.dieAt) {
      this.dead = true;
      throw new PowerCut();
    }
    const refusal = this.fail(operation, path, this.operations);
    if (refusal) throw refusal;
  }

  async read(path: string): Promise<string | undefined> {
    if (this.dead) throw new PowerCut();
    return this.#names.get(path)?.text;
  }

  async write(path: string, text: string): Promise<void> {
    try {
      this.#begin('write', path);
    } catch (error) {
      if (this.leavesPart !== undefined && !this.dead)
        this.#put(path, text.slice(0, text.length * this.leavesPart));
      throw error;
    }
    this.#put(path, text);
  }

  #put(path: string, text: string): void {
    const content = this.#names.get(path) ?? { text: '', durable: '' };
    content.text = text;
    this.#names.set(path, content);
  }

  async sync(path: string): Promise<void> {
    this.#begin('sync', path);
    const content = this.#names.get(path);
    if (content) content.durable = content.text;
    else this.#persistNames();
  }

  async rename(from: string, to: string): Promise<void> {
    this.#begin('rename', from);
    const content = this.#names.get(from);
    if (!content) throw Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'rename' });
    this.#names.set(to, content);
    this.#names.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.#begin('remove', path);
    this.#names.delete(path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#begin('makeFolder', path);
  }

  #persistNames(): void {
    this.#durableNames.clear();
    for (const [name, content] of this.#names) this.#durableNames.set(name, content);
  }

  /** What a file holds as the running system sees it. */
  seen(path: string): string | undefined {
    return this.#names.get(path)?.text;
  }

  /** Names of all files that the running system sees. */
  get names(): string[] {
    return [...this.#names.keys()];
  }

  /** What is certainly on the disk under that name, whatever happens now. */
  durable(path: string): string | undefined {
    return this.#durableNames.get(path)?.durable;
  }

  /**
   * The disk as the next boot finds it. `torn` cuts unsynced contents at `tearAt`: below 1 of their length,
   * from 1 on in characters.
   */
  afterCrash(loss: Loss, tearAt = 0.5): FaultyDisk {
    const next = new FaultyDisk();
    const names = loss === 'unsynced-lost' ? this.#durableNames : this.#names;
    for (const [name, { text, durable }] of names) {
      let left = text;
      if (loss === 'unsynced-lost') left = durable;
      // What was synced stays intact; only later bytes can be torn.
      if (loss === 'torn' && text !== durable)
        left = text.slice(0, Math.floor(tearAt < 1 ? text.length * tearAt : tearAt));
      const content = { text: left, durable: left };
      next.#names.set(name, content);
      next.#durableNames.set(name, content);
    }
    return next;
  }
}
