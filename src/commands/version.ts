import { basename } from 'node:path';
import { NoPayload } from '../payload/locate.ts';
import { openPayload } from '../payload/reader.ts';

/** `-v`: product and version of the payload, from its index alone. An executable that nothing was packed onto says so. */
export async function printVersion(program: string): Promise<void> {
  try {
    const payload = await openPayload();
    const { command, version } = payload.identity;
    await payload.close();
    process.stdout.write(`${command} ${version}\n`);
  } catch (error) {
    if (!(error instanceof NoPayload)) throw error;
    process.stdout.write(`${basename(program)} (no payload)\n`);
  }
}
