import { isIP } from 'node:net';
import { isAbsolute, normalize } from 'node:path';
import { IvaapError } from '../errors.ts';

/** What an answer must look like, wherever it comes from: judged as soon as it is known. */

const hostName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Throws `usage` for what an ingress cannot have as its host. */
export function assertHostName(fqdn: string): void {
  // The API server refuses these as the host of an ingress rule.
  if (isIP(fqdn) !== 0 || /(^|\.)\d+$/.test(fqdn)) {
    throw new IvaapError('usage', `--fqdn ${fqdn} is an IP address; the ingress needs a host name`, {
      hint: 'a name that resolves to this host, in DNS or in /etc/hosts, e.g. --fqdn wells.example.com',
    });
  }
  if (!hostName.test(fqdn) || fqdn.split('.').some((label) => label.length > 63)) {
    throw new IvaapError('usage', `--fqdn ${fqdn} is not a valid host name`, {
      hint: 'lower-case letters, digits, - and dots, e.g. --fqdn wells.example.com',
    });
  }
}

/** Throws `usage` for what cannot be the database's folder. */
export function assertStoragePath(storagePath: string): void {
  if (!isAbsolute(storagePath) || normalize(storagePath) !== storagePath || storagePath === '/') {
    throw new IvaapError(
      'usage',
      `--storage-path ${storagePath} is not an absolute, normalized path of a folder`,
      {
        hint: 'the full path of a folder, e.g. --storage-path /srv/database',
      },
    );
  }
}
