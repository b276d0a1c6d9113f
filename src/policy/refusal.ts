import { sudo } from '../shell-word.ts';

/** What it means that the API server refuses an object, and what to try. */

/** Without the parts that say how it was asked. */
export function plainRefusal(refusal: string): string {
  return refusal
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
export const isFullQuota = (refusal: string): boolean => /exceeded quota:/.test(refusal);

/** The namespace that is missing for an object. */
export const missingNamespace = (refusal: string): string | undefined =>
  /namespaces "([^"]+)" not found/.exec(refusal)?.[1];

/** The one command to try; undefined where the refusal calls for none in particular. */
export function commandFor(refusal: string, object: { kind: string; name: string; namespace: string }) {
  const scope = `-n ${object.namespace}`;
  const port = /(?:nodePort|healthCheckNodePort): Invalid value: (\d+)/.exec(refusal)?.[1];
  if (port !== undefined) return `${sudo.kubectl} get services -A | grep ${port}`;
  const quota = /exceeded quota: ([^,]+),|failed quota: ([^:]+):/.exec(refusal);
  if (quota !== null) return `${sudo.kubectl} describe resourcequota ${quota[1] ?? quota[2]} ${scope}`;
  const policy = /ValidatingAdmissionPolicy '([^']+)'/.exec(refusal)?.[1];
  if (policy !== undefined) return `${sudo.kubectl} describe validatingadmissionpolicy ${policy}`;
  if (/webhook/.test(refusal)) {
    return `${sudo.kubectl} get validatingwebhookconfigurations,mutatingwebhookconfigurations`;
  }
  if (/no matches for kind/.test(refusal)) return `${sudo.kubectl} api-resources`;
  if (/PodSecurity/.test(refusal)) return `${sudo.kubectl} get namespace ${object.namespace} --show-labels`;
  if (/ per (Container|Pod) is /.test(refusal)) return `${sudo.kubectl} describe limitrange ${scope}`;
  if (/immutable|updates to statefulset spec|may not change/.test(refusal)) {
    return `${sudo.kubectl} get ${object.kind.toLowerCase()} ${object.name} ${scope} -o yaml`;
  }
  return undefined;
}
