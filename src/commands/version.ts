import { basename } from 'node:path';
import { ownIdentity } from '../queries/own-identity.ts';
import { answer } from '../ui/answer.ts';

/**
 * `-v`: product and version of the payload, from its index alone. An executable without a payload says so.
 */
export async function printVersion(program: string, signal: AbortSignal): Promise<void> {
  const own = await ownIdentity();
  const text = own === undefined ? `${basename(program)} (no payload)` : `${own.command} ${own.version}`;
  await answer(`${text}\n`, signal);
}
