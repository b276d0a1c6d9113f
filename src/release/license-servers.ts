import type { Product } from '../payload/product-schema.ts';
import { shellWord, sudo } from '../shell-word.ts';
import { defaultServerPorts } from '../policy/flexnet-values.ts';
import type { LicenseFindings, ServerFinding } from './license-check.ts';

/** `27000@host`, or the ports that were tried. */
export function serverName({ host, port, answer }: ServerFinding): string {
  const tried = `${defaultServerPorts[0]}-${defaultServerPorts.at(-1)}`;
  return `${port ?? (answer.answered ? answer.port : tried)}@${host}`;
}

/** What was found of the servers together, on one line. */
export function serversText({ servers, server, lmstat }: LicenseFindings): string {
  if (server === 'none') return 'the licence names no server and needs none';
  if (server === 'not named') return 'the licence names no server, and cannot be used without one';
  const found = servers.map((one) => {
    const { answer } = one;
    return `${serverName(one)} ${answer.answered ? 'takes a connection' : answer.why}`;
  });
  const said =
    lmstat.known && lmstat.value === 'down'
      ? ['lmutil says that the license manager or the daemon is down']
      : [];
  return [...found, ...said].join('; ');
}

/** One command that shows the same. */
export function serversFix({ servers }: LicenseFindings): string {
  const silent = servers.find(({ answer }) => !answer.answered) ?? servers[0];
  if (silent === undefined) return 'ask the vendor for a licence with a SERVER line';
  const { host, port, answer } = silent;
  if (!answer.answered && answer.cause === 'name') return `getent ahosts ${shellWord(host)}`;
  return `timeout 3 bash -c ${shellWord(`</dev/tcp/${host}/${port ?? defaultServerPorts[0]}`)}; echo $?`;
}

/**
 * What replaces the installed licence. The file's content goes through a pipe: an argument is seen by
 * everybody on the host.
 */
export function newLicenseFix({ license, namespace }: Pick<Product, 'license' | 'namespace'>): string {
  if (license === undefined) return 'ask the vendor for a licence';
  const { secret, key } = license;
  return (
    'ask the vendor for a new licence; with it in FILE: ' +
    `printf '{"data":{"${key}":"%s"}}' "$(base64 -w0 FILE)" | ${sudo.kubectl} patch secret ${secret} ` +
    `-n ${namespace} --type merge --patch-file /dev/stdin`
  );
}
