/** What the API server's words against an object mean, and what to try. */

/** Without the parts that say how it was asked. */
export function plainWords(words: string): string {
  return words
    .replaceAll(/^(Error from server|error)( \([A-Za-z]+\))?: /gm, '')
    .replaceAll(
      /error when (creating|retrieving current configuration of|applying patch to)[^:]*"STDIN": /g,
      '',
    )
    .replaceAll(/^resource mapping not found for name: .* from "STDIN": /gm, '')
    .replaceAll(/^Please review the fields above[^]*$/gm, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}

/** The quotas' answer to one pod more; whether a rollout needs one more is another question. */
export const isFullQuota = (words: string): boolean => /exceeded quota:/.test(words);

/** The namespace that is missing for an object. */
export const missingNamespace = (words: string): string | undefined =>
  /namespaces "([^"]+)" not found/.exec(words)?.[1];

/** The one command to try; undefined where the words call for none in particular. */
export function commandFor(words: string, object: { kind: string; name: string; namespace: string }) {
  const scope = `-n ${object.namespace}`;
  const port = /(?:nodePort|healthCheckNodePort): Invalid value: (\d+)/.exec(words)?.[1];
  if (port !== undefined) return `k3s kubectl get services -A | grep ${port}`;
  const quota = /exceeded quota: ([^,]+),|failed quota: ([^:]+):/.exec(words);
  if (quota !== null) return `k3s kubectl describe resourcequota ${quota[1] ?? quota[2]} ${scope}`;
  const policy = /ValidatingAdmissionPolicy '([^']+)'/.exec(words)?.[1];
  if (policy !== undefined) return `k3s kubectl describe validatingadmissionpolicy ${policy}`;
  if (/webhook/.test(words)) {
    return 'k3s kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations';
  }
  if (/no matches for kind/.test(words)) return 'k3s kubectl api-resources';
  if (/PodSecurity/.test(words)) return `k3s kubectl get namespace ${object.namespace} --show-labels`;
  if (/ per (Container|Pod) is /.test(words)) return `k3s kubectl describe limitrange ${scope}`;
  if (/immutable|updates to statefulset spec|may not change/.test(words)) {
    return `k3s kubectl get ${object.kind.toLowerCase()} ${object.name} ${scope} -o yaml`;
  }
  return undefined;
}
