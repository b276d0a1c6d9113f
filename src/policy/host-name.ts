import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';

/** Why a name cannot be the host of an ingress, and what to write instead. */
export interface NameFault {
  /** Follows the name in a sentence. */
  what: string;
  fix: string;
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const mostCharacters = 253;
const mostInLabel = 63;

/** Undefined for a name that the API server takes as the host of an ingress rule. */
export function hostNameFault(name: string): NameFault | undefined {
  const example = 'e.g. product.example.com';
  const bare = name.replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0 || /(^|\.)\d+\.?$/.test(name)) {
    return {
      what: 'is an IP address; the ingress needs a host name',
      fix: `a name that resolves to this host, in DNS or in /etc/hosts, ${example}`,
    };
  }
  const letters = `lower-case letters, digits, - and dots, ${example}`;
  // What is proposed has no other fault.
  const repaired = name.toLowerCase().replaceAll('_', '-').replace(/\.+$/, '');
  const fix = name !== repaired && hostNameFault(repaired) === undefined ? repaired : letters;
  if (name.endsWith('.') && name.length > 1)
    return { what: 'ends with a dot, which a browser does not send', fix };
  if (/\p{Cc}|\s/u.test(name))
    return { what: 'is not a valid host name: it holds spaces or control characters', fix: letters };
  if (/[^\p{ASCII}]/u.test(name)) {
    const ascii = domainToASCII(name);
    return {
      what: 'is not a valid host name: it has letters outside of ASCII',
      fix: ascii === '' ? letters : `its form for DNS: ${ascii}`,
    };
  }
  if (/[A-Z]/.test(name)) return { what: 'is not a valid host name: it has capital letters', fix };
  if (name.includes('_')) return { what: 'is not a valid host name: it has an underscore', fix };
  if (name.length > mostCharacters)
    return { what: `is not a valid host name: it has more than ${mostCharacters} characters`, fix: letters };
  const labels = name.split('.');
  if (labels.some((part) => part.length > mostInLabel)) {
    return {
      what: `is not a valid host name: a part of it has more than ${mostInLabel} characters`,
      fix: letters,
    };
  }
  if (!labels.every((part) => label.test(part))) return { what: 'is not a valid host name', fix: letters };
  if (labels.some((part) => part.startsWith('xn--') && domainToUnicode(part) === part))
    return { what: 'is not a valid host name: what follows xn-- is no punycode', fix: letters };
  return undefined;
}
