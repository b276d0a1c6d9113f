import { basename } from 'node:path';
import { answer } from '../ui/answer.ts';
import { NoPayload } from '../payload/locate.ts';
import { openPayload } from '../payload/open-payload.ts';

/** `-v`: product and version of the payload, from its index alone. An executable that nothing was packed onto says so. */
export async function printVersion(program: string, signal: AbortSignal): Promise<void> {
  try {
    const payload = await openPayload();
    const { command, version } = payload.identity;
    await payload.close();
    await answer(`${command} ${version}\n`, signal);
  } catch (error) {
    if (!(error instanceof NoPayload)) throw error;
    await answer(`${basename(program)} (no payload)\n`, signal);
  }
}
