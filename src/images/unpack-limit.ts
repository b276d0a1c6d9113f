/**
 * Below this a file may unpack to any multiple of its size; images of any kind stay far below the multiple.
 */
const harmlessBytes = 256 * 1024 * 1024;
const largestRatio = 200;

/** A file that unpacks to what nothing but an attack on time or room unpacks to. */
export class UnpacksTooFar extends Error {
  override readonly name = 'UnpacksTooFar';
}

/** Passes on what a file of `total` bytes unpacks to. Throws {@link UnpacksTooFar}. */
export function bounded(total: number) {
  return async function* (unpacked: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of unpacked) {
      size += chunk.length;
      if (size > harmlessBytes && size > largestRatio * total)
        throw new UnpacksTooFar(`it unpacks to more than ${largestRatio} times its size`);
      yield chunk;
    }
  };
}
