import { archiveContent } from '../src/payload/format/archive-stream.ts';
import { placedEntries } from '../src/payload/format/entries.ts';
import { openPayload } from '../src/payload/open-payload.ts';
import { assertHeader } from '../src/payload/verified-read.ts';
import { SpecError } from './spec-file.ts';

/**
 * Opens what was written as every host will, before it gets its name: index, directory, headers, signature,
 * product and release, and how each archive is assembled. Contents were hashed as they were written.
 * Throws {@link SpecError} with the reader's words.
 */
export async function proveOutput(path: string, output: string, digest: string): Promise<void> {
  try {
    const payload = await openPayload(path);
    try {
      const index = await payload.index();
      await payload.product();
      await payload.release();
      for (const entry of placedEntries(index, payload.indexEnd)) await assertHeader(payload, entry);
      for (const archive of index.archives) archiveContent(index, archive);
      if (payload.digest !== digest) throw new Error(`its index has the digest ${payload.digest}`);
    } finally {
      await payload.close();
    }
  } catch (cause) {
    throw new SpecError(
      `${output}: was not made, for its own reader refuses it: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}
