import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { HealthRoute } from '../payload/product-schema.ts';
import { fieldAt, type PlainObject } from '../policy/values-patches.ts';
import { toEdit } from '../shell-word.ts';

/** Where a health route is asked, once the values file has said its part. */
export interface RouteTarget {
  scheme: 'http' | 'https';
  /** The name in the request, and in the certificate. */
  host: string;
  /** Undefined: neither product data nor the values say one. */
  port: number | undefined;
  path: string;
  via:
    | { kind: 'address'; address: string }
    | { kind: 'ingressClass'; name: string }
    | { kind: 'service'; name: string };
  /** Undefined: product data say nothing. */
  certificate: 'not-verified' | { secret: string } | { caFile: string } | undefined;
}

/** Values as a route reads them; `path` is for messages. */
export interface RouteValues {
  path: string;
  root: PlainObject;
}

type Said<T> = T | { values: readonly string[]; default?: T | undefined };

export const defaultPort = (scheme: 'http' | 'https'): number => (scheme === 'https' ? 443 : 80);

/**
 * A route with what the values say of it. Throws `preflight` where they say something else than is wanted, or
 * nothing and product data have no default.
 */
export function routeTarget(route: HealthRoute, values: RouteValues, fqdn: string): RouteTarget {
  const said = <T>(what: string, from: Said<T>, read: (value: unknown) => T | undefined): T => {
    if (typeof from !== 'object' || from === null || !('values' in from)) return from;
    const found = fieldAt(values.root, from.values) ?? undefined;
    const value = found === undefined ? from.default : read(found);
    if (value !== undefined) return value;
    const where = from.values.join('.');
    const text = foreign(JSON.stringify(found)?.slice(0, 60) ?? '');
    const has = found === undefined ? `no ${where}` : `${text} at ${where}`;
    throw new IvaapError('preflight', `${values.path} has ${has}: ${what} of ${route.title} is read there`, {
      hint: `Set it (${toEdit(values.path)}).`,
    });
  };
  const scheme = said('the scheme (http or https)', route.scheme ?? 'http', readScheme);
  const host = said('the host name', route.host ?? fqdn, readWord).replaceAll('{{fqdn}}', fqdn);
  const port = route.port === undefined ? undefined : said('the port', route.port, readPort);
  return {
    scheme,
    host,
    port,
    path: pathOf(route, said),
    via: viaOf(route, said),
    certificate: certificateOf(route, said),
  };
}

type Reader = <T>(what: string, from: Said<T>, read: (value: unknown) => T | undefined) => T;

function pathOf({ path }: HealthRoute, said: Reader): string {
  if (typeof path === 'string') return path;
  const first = said<string>('the path', path, (value) => {
    const word = readWord(value);
    return word?.startsWith('/') === true ? word : undefined;
  });
  return path.below === undefined ? first : `${first.replace(/\/+$/, '')}${path.below}`;
}

function viaOf({ via = { address: '127.0.0.1' } }: HealthRoute, said: Reader): RouteTarget['via'] {
  if ('service' in via) return { kind: 'service', name: said('the Service', via.service, readWord) };
  if ('ingressClass' in via)
    return { kind: 'ingressClass', name: said('the ingress class', via.ingressClass, readWord) };
  return { kind: 'address', address: said('the address', via.address, readWord) };
}

function certificateOf({ certificate }: HealthRoute, said: Reader): RouteTarget['certificate'] {
  if (certificate === undefined || certificate === 'not-verified') return certificate;
  if ('secret' in certificate)
    return { secret: said('the Secret of the certificate', certificate.secret, readWord) };
  return { caFile: said('the file of CA certificates', certificate.caFile, readWord) };
}

const readWord = (value: unknown): string | undefined =>
  typeof value === 'string' && /^\S+$/.test(value) ? value : undefined;

function readPort(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  const isPort = Number.isInteger(number) && (number as number) > 0 && (number as number) < 65_536;
  return isPort ? (number as number) : undefined;
}

/** Charts have a word, a switch, or what TLS is made with. */
function readScheme(value: unknown): 'http' | 'https' | undefined {
  if (value === 'http' || value === 'https') return value;
  if (typeof value === 'boolean') return value ? 'https' : 'http';
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.keys(value).length > 0 ? 'https' : 'http';
}
