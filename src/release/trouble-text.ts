import { causeChain } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { readNamespace } from '../host/namespace-view.ts';
import { causesOf, type Looking, surestFirst, type Trouble, troublesOf } from './troubles.ts';

const tailLines = 40;
const shownLines = 5;

/** The last output of a container that runs or has run; empty where there is none or it cannot be read. */
export async function lastOutput(
  kubectl: Kubectl,
  namespace: string,
  { log }: Pick<Trouble, 'log'>,
  signal?: AbortSignal,
): Promise<string[]> {
  if (log === undefined) return [];
  const options = signal === undefined ? { tailLines } : { tailLines, signal };
  const text = await kubectl.logs({ namespace, ...log }, options).catch(() => '');
  const lines = text.trimEnd().split('\n').filter(Boolean);
  // A program that retries prints the same again.
  return lines.filter((line, place) => line !== lines[place - 1]).slice(-shownLines);
}

/** One cause: what is wrong, the answer to its probe, its event, its last output, in this order. */
function troubleLines(trouble: Trouble, log: readonly string[]): string[] {
  const { workload, message, pods, probe, event } = trouble;
  const others = pods.length > 1 ? ` (${pods.length} pods)` : '';
  return [
    `${workload}${others}: ${message}`,
    ...(probe === undefined ? [] : [`  probe: ${probe}`]),
    ...(event === undefined ? [] : [`  event: ${event}`]),
    ...log.map((line) => `  log: ${foreign(line)}`),
  ];
}

/** Workloads with the same message and nothing more share a cause, such as a node that accepts no pods. */
function alike(causes: readonly Trouble[], logOf: (trouble: Trouble) => readonly string[]): string[] {
  const found: { shown: Trouble; log: readonly string[] }[] = [];
  for (const trouble of causes) {
    const { message, probe, event, workload, pods } = trouble;
    const log = logOf(trouble);
    const same = found.find(({ shown }) => shown.message === message)?.shown;
    if (same === undefined || probe !== undefined || event !== undefined || log.length > 0) {
      found.push({ shown: { ...trouble }, log });
    } else {
      same.workload += `, ${workload}`;
      same.pods = [...same.pods, ...pods];
    }
  }
  return found.flatMap(({ shown, log }) => troubleLines(shown, log));
}

/** Each cause once; possible consequences by name. */
export function causeLines(
  troubles: readonly Trouble[],
  logOf: (trouble: Trouble) => readonly string[],
): string[] {
  const { causes, following } = causesOf([...troubles].sort(surestFirst));
  const names = [...new Set(following.map(({ workload }) => workload))].join(', ');
  return [
    ...alike(causes, logOf),
    ...(names === '' ? [] : [`not known: whether ${names} would be ready without that`]),
  ];
}

/** What keeps a product from answering, each cause once. Never throws. */
export async function describeTroubles(
  kubectl: Kubectl,
  namespace: string,
  looking: Looking,
): Promise<string[]> {
  try {
    const view = await readNamespace(kubectl, { namespace });
    const troubles = troublesOf(view, looking);
    const logs = new Map<Trouble, string[]>();
    for (const trouble of troubles) logs.set(trouble, await lastOutput(kubectl, namespace, trouble));
    return causeLines(troubles, (trouble) => logs.get(trouble) ?? []);
  } catch (error) {
    return [`the pods could not be read: ${causeChain(error)[0] ?? ''}`];
  }
}
