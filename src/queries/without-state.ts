import { type ErrorCode, IvaapError } from '../errors.ts';
import type { Known } from '../known.ts';
import type { HostTools } from '../session/host-tools.ts';
import type { EndedUninstall } from '../release/ended-uninstalls.ts';
import {
  describeRelease,
  evidenceLines,
  type HostEvidence,
  hostEvidence,
  type Likely,
  likely,
} from './host-evidence.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';
import { sudo } from '../shell-word.ts';

/** A host without a readable state: what most likely happened, and the command to try. */
export interface NoState {
  code: Extract<ErrorCode, 'preflight' | 'version' | 'nothing_to_do'>;
  message: string;
  hint: string;
}

/** What a command does to what is installed; others only look. */
export type Verb = 'upgrade' | 'restore' | 'discard' | 'back up' | 'verify' | 'prune';

/** `none` says what is wrong with a state that is there and cannot be read. */
export function noStateRefusal(
  evidence: HostEvidence,
  { product, paths, release }: Pick<OpenedPayload, 'product' | 'paths' | 'release'>,
  program: string,
  { none = `there is no ${paths.state}`, verb }: { none?: string | undefined; verb?: Verb | undefined } = {},
): NoState {
  const { missingMount, path } = evidence.folder;
  const what = verb === undefined ? 'nothing is installed' : `there is nothing to ${verb}`;
  switch (likely(evidence)) {
    case 'unmounted':
      return {
        code: 'preflight',
        message: `${none}: the disk that holds ${path} does not seem to be mounted`,
        hint: missingMount === undefined ? 'lsblk -o NAME,SIZE,LABEL,MOUNTPOINTS' : missingMount.command,
      };
    case 'uninstalled':
      return { code: 'version', ...leftInCluster(evidence, { product, program }) };
    case 'ours':
      return {
        code: 'version',
        message: `this installer made the installation on this host, but its state is lost: ${none}`,
        hint: `${program} repair-state`,
      };
    case 'foreign':
      return {
        code: 'version',
        message:
          `the Helm release ${product.release} runs here, but ` +
          `this installer did not install it: ${none}`,
        hint: `follow the guide "${product.versions.legacyGuide}"`,
      };
    case 'nothing':
      return {
        code: verb === undefined || verb === 'upgrade' ? 'version' : 'nothing_to_do',
        message: `${what} on this host: ${none}`,
        hint: `to install ${release.version}: ${program} install --help`,
      };
    case 'unknown':
      return { code: 'preflight', ...unknownCluster(evidence, none) };
  }
}

/** What an uninstall without the cluster has left there, the command that removes it, and what is kept. */
function leftInCluster(
  { uninstalled, namespace, volume, records }: HostEvidence,
  { product, program }: Pick<OpenedPayload, 'product'> & { program: string },
): Pick<NoState, 'message' | 'hint'> {
  const { version, endedAt, folder } = uninstalled!;
  const last = records.known ? records.value.at(-1) : undefined;
  const held = [
    ...(last === undefined ? [] : [`the release ${product.release} (${describeRelease(last)})`]),
    ...(namespace.known && namespace.value === true
      ? [`the namespace ${product.namespace} with its claims and Secrets`]
      : []),
    ...(volume.known && volume.value != null ? [`the volume ${volume.value.name}`] : []),
  ];
  return {
    message:
      `${product.title} ${version} was uninstalled at ${endedAt.replace(/\.\d+Z$/, 'Z')} without its ` +
      `cluster, which is back and still holds ${held.join(', ')}. ` +
      `What was kept is in ${folder}; once the rest is ` +
      'removed an install starts anew',
    hint: `${program} uninstall`,
  };
}

/** Why the cluster says nothing, behind what is known without it, and the command to try. */
export function unknownCluster(
  { namespace, volume, records, workloads }: HostEvidence,
  known: string,
): Pick<NoState, 'message' | 'hint'> {
  const silent = [namespace, volume, records, workloads].find((asked) => !asked.known);
  const { why, hint } = silent === undefined || silent.known ? {} : silent;
  return {
    message: `${known}, and the cluster could not be queried${why === undefined ? '' : `: ${why}`}`,
    hint: hint ?? `${sudo.systemctl} status k3s`,
  };
}

/** The facts shown with such a refusal. */
export const factsOf = (evidence: HostEvidence, opened: Pick<OpenedPayload, 'product'>): string[] =>
  evidenceLines(evidence, opened);

interface Looking {
  program: string;
  signal: AbortSignal;
  dumpTo?: string | undefined;
  verb?: Verb;
}

/** Looks at a host without a state: what it most likely is, and the refusal that says so, with the facts. */
export async function lookWithoutState(
  opened: OpenedPayload,
  host: Known<Pick<HostTools, 'kubectl'>>,
  { program, signal, dumpTo, verb }: Looking,
): Promise<{ found: Likely; refusal: IvaapError; uninstalled: EndedUninstall | undefined }> {
  const evidence = await hostEvidence(opened, host, signal, dumpTo);
  signal.throwIfAborted();
  const { code, message, hint } = noStateRefusal(evidence, opened, program, { verb });
  const facts = factsOf(evidence, opened);
  const refusal = new IvaapError(code, message, { hint, facts });
  return { found: likely(evidence), refusal, uninstalled: evidence.uninstalled };
}
