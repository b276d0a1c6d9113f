/** An archive on disk that could not give what it promised. */
export class SourceBroken extends Error {
  override readonly name = 'SourceBroken';
}

/** Counts bytes on their way to the importer, and remembers when it was the source that failed. */
export class Watched implements AsyncIterable<Buffer> {
  broken: SourceBroken | undefined;
  readonly #tar: AsyncIterable<Buffer>;
  readonly #count: (bytes: number) => void;

  constructor(tar: AsyncIterable<Buffer>, count: (bytes: number) => void) {
    this.#tar = tar;
    this.#count = count;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of this.#tar) {
        yield chunk;
        this.#count(chunk.length);
      }
    } catch (error) {
      this.broken = new SourceBroken(error instanceof Error ? error.message : String(error), {
        cause: error,
      });
      throw error;
    }
  }
}
