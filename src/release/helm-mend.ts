import { programFailure } from '../host/program-failure.ts';
import type { StepContext } from './context.ts';
import type { Trouble } from './troubles.ts';

/** Words of a refusal by a rule of the cluster, which no values file mends. */
const refusedByRule =
  /admission webhook|denied the request|is forbidden|ValidatingAdmissionPolicy|failed calling webhook/;

/** What an operator does about a Helm that failed, before the same command: fits what was seen, and blames the values only for the rest. */
export function mendOf(
  { product, paths }: Pick<StepContext, 'product' | 'paths'>,
  { error, said, troubles }: { error: unknown; said: string; troubles: readonly Trouble[] },
): string {
  const inNamespace = `-n ${product.namespace}`;
  const [first] = troubles;
  const words = [said, ...troubles.map((trouble) => trouble.words)].join('\n');
  if (programFailure(error)?.endedBy === 'SIGKILL') {
    return 'Helm was killed from outside: find out by what (journalctl -k -n 50 shows a lack of memory)';
  }
  if (/exceeded quota/.test(words))
    return `Make room in the quota (k3s kubectl describe quota ${inNamespace})`;
  if (refusedByRule.test(words)) return 'Have the rule that refuses it changed, or wait until it allows it';
  if (first?.kind === 'unschedulable')
    return 'Let a node take the pods (k3s kubectl describe nodes says why none does)';
  if (first?.kind === 'stuck' || first?.kind === 'refused') {
    return `Mend the cause (k3s kubectl get events ${inNamespace} --sort-by=.lastTimestamp)`;
  }
  return `Mend the cause (often ${paths.values})`;
}
