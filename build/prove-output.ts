import { openPayload } from '../src/payload/open-payload.ts';
import { SpecError } from './spec-file.ts';

/**
 * Opens what was written as every host will, before it gets its name: index, directory, headers, signature, product and release, and how
 * each archive is put together. Contents were hashed as they were written. Throws {@link SpecError} with the reader's words.
 */
export async function proveOutput(path: string, output: string, digest: string): Promise<void> {
  try {
    const payload = await openPayload(path);
    try {
      const { entries, archives } = await payload.index();
      await payload.product();
      await payload.release();
      for (const { name } of entries) await payload.assertHeader(await payload.entry(name));
      for (const archive of archives) await payload.archiveContent(archive);
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
