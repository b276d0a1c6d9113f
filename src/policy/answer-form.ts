import { isAbsolute, normalize } from 'node:path';
import { IvaapError } from '../errors.ts';
import { hostNameFault } from './host-name.ts';

/** What an answer must look like, wherever it comes from: judged as soon as it is known. */

/** Throws `usage` for what an ingress cannot have as its host; `named` is the answer as it was given. */
export function assertHostName(fqdn: string, named = `--fqdn ${fqdn}`): void {
  const fault = hostNameFault(fqdn);
  if (fault === undefined) return;
  // A name that can be typed as it is, or words about one.
  const hint = hostNameFault(fault.fix) === undefined ? `--fqdn ${fault.fix}` : fault.fix;
  throw new IvaapError('usage', `${named} ${fault.what}`, { hint });
}

/** Throws `usage` for what cannot be the database's folder. */
export function assertStoragePath(path: string, hint = 'e.g. --storage-path /srv/database'): void {
  const isClean = isAbsolute(path) && normalize(path) === path && path !== '/' && !path.endsWith('/');
  if (isClean && !/[\p{Cc}\uFFFD]/u.test(path)) return;
  throw new IvaapError('usage', `--storage-path ${path} is not an absolute, normalized path of a folder`, {
    hint,
  });
}
