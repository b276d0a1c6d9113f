/** Every word that kubectl takes first, as of 1.36; a namespace is never called like one of them here. */
export const kubectlVerbs: ReadonlySet<string> = new Set(
  (
    'alpha annotate api-resources api-versions apply attach auth autoscale certificate cluster-info ' +
    'completion config cordon cp create debug delete describe diff drain edit events exec explain expose ' +
    'get help kuberc kustomize label logs options patch plugin port-forward proxy replace rollout run ' +
    'scale set taint top uncordon version wait __complete __completeNoDesc'
  ).split(' '),
);

/**
 * What kubectl gets for `NAMESPACE ARGUMENTS…`. A first word that is a verb or a flag of kubectl means the
 * product's namespace; a `-n` that was typed comes later, and kubectl takes the last one.
 */
export function kubectlWords(typed: readonly string[], namespace: string): string[] {
  const [first = '', ...rest] = typed;
  const isForKubectl = first.startsWith('-') || kubectlVerbs.has(first);
  return isForKubectl ? ['-n', namespace, ...typed] : ['-n', first, ...rest];
}
