import { readdirSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';

const interfaces = '/sys/class/net';

/** Of every interface, also of those that are down: which one a licence was made for is not known. */
function macAddresses(): string[] {
  try {
    const found = readdirSync(interfaces).map((name) => {
      try {
        return readFileSync(join(interfaces, name, 'address'), 'utf8').trim();
      } catch {
        return '';
      }
    });
    const digits = found.map((text) => text.replaceAll(':', '').toLowerCase());
    return [...new Set(digits)].filter((text) => /^[0-9a-f]{12}$/.test(text) && !/^0+$/.test(text));
  } catch {
    return [];
  }
}

/** What a licence's host ids are compared with. What cannot be read is empty. */
export function hostIdentity(): { macAddresses: string[]; addresses: string[]; hostName: string } {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
  return { macAddresses: macAddresses(), addresses, hostName: hostname() };
}
