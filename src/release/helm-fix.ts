import { programFailure } from '../host/program-failure.ts';
import { commandFor } from '../policy/refusal.ts';
import type { StepContext } from './context.ts';
import type { Trouble } from './troubles.ts';
import { asRoot, sudo } from '../shell-word.ts';

/** Texts of a refusal by a rule of the cluster, which no change of the values file fixes. */
const refusedByRule =
  /admission webhook|denied the request|\bforbidden: |ValidatingAdmissionPolicy|failed calling webhook/;

/**
 * The object of a failed hook, by Helm's message: unless the chart says otherwise, it keeps the hook from
 * running again.
 */
const failedHook = /hooks failed: resource (?<kind>Job|Pod)\/(?<namespace>[^/ ]+)\/(?<name>\S+) not ready/;
const staleHook =
  /hooks failed: .* failed for object (?<namespace>[^/ ]+)\/(?<name>\S+) (?:batch\/)?v1, Kind=(?<kind>Job|Pod): /;

/** PostgreSQL's own words, which all its clients pass on, or its code. */
const passwordRefused = /password authentication failed|\b28P01\b/;

/**
 * What an operator does about a failed Helm, before the same command: it fits what was seen, and suspects the
 * values only for the rest.
 */
export function fixFor(
  { product, paths }: Pick<StepContext, 'product' | 'paths'>,
  {
    error,
    said,
    troubles,
    lines = [],
  }: {
    error: unknown;
    said: string;
    troubles: readonly Trouble[];
    /** What was seen of them, with the last output of their containers. */
    lines?: readonly string[];
  },
): string {
  const inNamespace = `-n ${product.namespace}`;
  const [first] = troubles;
  const message = [said, ...troubles.map((trouble) => trouble.message)].join('\n');
  if (programFailure(error)?.endedBy === 'SIGKILL') {
    const log = asRoot('journalctl -k -n 50');
    return `Helm was killed: find out by what (${log} shows out-of-memory kills)`;
  }
  const hook = (failedHook.exec(said) ?? staleHook.exec(said))?.groups;
  if (hook !== undefined) {
    const { kind = '', namespace, name } = hook;
    const object = `${kind.toLowerCase()} ${name} -n ${namespace}`;
    const deleteCommand = `${sudo.kubectl} delete ${object} --ignore-not-found`;
    return `Fix the cause and delete what is left of the hook (${deleteCommand})`;
  }
  const [kind = '', name = ''] = first?.workload.split('/') ?? [];
  const command = commandFor(message, { kind, name, namespace: product.namespace });
  if (/exceeded quota/.test(message))
    return (
      'Raise the quota or free some of it ' +
      `(${command ?? `${sudo.kubectl} describe quota ${inNamespace}`})`
    );
  if (refusedByRule.test(message)) {
    const rule = command === undefined ? '' : ` (${command})`;
    return `Have the rule that rejects it changed, or wait until it allows it${rule}`;
  }
  if (first?.kind === 'unschedulable')
    return `Make a node accept the pods (${sudo.kubectl} describe nodes shows why none does)`;
  if (first?.kind === 'stuck' || first?.kind === 'refused') {
    return `Fix the cause (${sudo.kubectl} get events ${inNamespace} --sort-by=.lastTimestamp)`;
  }
  if (lines.some((line) => passwordRefused.test(line))) {
    // The log of the database is there after a rollback, which deletes the new pods with theirs.
    const log = `${sudo.kubectl} logs ${inNamespace} -l ${product.database.selector} --tail=200`;
    return (
      'The database refuses the password that the new pods use; which of the two was changed is not known ' +
      `(${log} | grep -i password shows for which role). Make them the same`
    );
  }
  return `Fix the cause (often ${paths.values})`;
}
