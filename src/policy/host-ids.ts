/** What can be known of this host for the host ids of a licence. */
export interface HostIdentity {
  /** 12 hexadecimal digits each; empty where none could be read. */
  macAddresses: readonly string[];
  addresses: readonly string[];
  hostName: string;
}

/** `unknown`: of a kind that is not read here, such as a dongle's. */
export type HostMatch = 'this host' | 'another host' | 'unknown';

/**
 * Compares a licence's host ids with this host: one that matches is enough. No host id at all is any host.
 */
export function matchHostids(hostids: readonly string[], host: HostIdentity): HostMatch {
  if (hostids.length === 0) return 'this host';
  const matches = new Set(hostids.map((id) => matchHostid(id, host)));
  if (matches.has('this host')) return 'this host';
  return matches.has('unknown') ? 'unknown' : 'another host';
}

function matchHostid(id: string, host: HostIdentity): HostMatch {
  if (/^(any|demo)$/i.test(id)) return 'this host';
  const at = id.indexOf('=');
  const [kind, value] = at === -1 ? ['', id] : [id.slice(0, at).toUpperCase(), id.slice(at + 1)];
  if (kind === 'HOSTNAME') return matchName(value, host.hostName);
  if (kind === 'INTERNET') return matchAddress(value, host.addresses);
  const mac = value.replaceAll(/[:-]/g, '').toLowerCase();
  if ((kind !== '' && kind !== 'ETHER') || !/^[0-9a-f]{12}$/.test(mac)) return 'unknown';
  if (host.macAddresses.length === 0) return 'unknown';
  return host.macAddresses.includes(mac) ? 'this host' : 'another host';
}

/** A short name and a full one that begins with it may be of one host, or not. */
function matchName(wanted: string, own: string): HostMatch {
  const [one, other] = [wanted.toLowerCase(), own.toLowerCase()];
  if (one === '' || other === '') return 'unknown';
  if (one === other) return 'this host';
  const [label = '', ownLabel = ''] = [one.split('.')[0], other.split('.')[0]];
  return label === ownLabel && one.includes('.') !== other.includes('.') ? 'unknown' : 'another host';
}

/** `192.168.*.*` names all that begin so. */
function matchAddress(wanted: string, own: readonly string[]): HostMatch {
  if (own.length === 0 || !/^(\d{1,3}|\*)(\.(\d{1,3}|\*)){3}$/.test(wanted)) return 'unknown';
  const parts = wanted.split('.');
  const matches = (address: string) => {
    const there = address.split('.');
    return there.length === 4 && parts.every((part, at) => part === '*' || part === there[at]);
  };
  return own.some(matches) ? 'this host' : 'another host';
}
