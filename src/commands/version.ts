import { basename } from 'node:path';

/** `-v`: product and version of the payload, from its index alone. */
export function printVersion(program: string): void {
  process.stdout.write(`${basename(program)} (no payload)\n`);
}
