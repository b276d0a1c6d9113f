import { type Container, type PodSpec, renameReferences, without } from './rehearsal-pod.ts';

/**
 * The pod of a database server of another major version, made out of the new release's own: it works in a
 * folder beside the live one. Objects are plain JSON as Helm renders them.
 */

/** It restores a database, and its last checkpoint may take long. */
const graceSeconds = 600;

interface Beside {
  /** The claim of the database, whose place the folder takes. */
  claim: string;
  /** Path on this host. */
  folder: string;
  /** The Secrets and ConfigMaps that it reads under another name; the same name for all others. */
  renamed: (reference: { kind: 'Secret' | 'ConfigMap'; name: string }) => string;
}

/** Undefined where the template does not mount the claim. */
export function nextServerPod(template: PodSpec, { claim, folder, renamed }: Beside): PodSpec | undefined {
  const pod = without(structuredClone(template), ['serviceAccountName', 'serviceAccount', 'hostNetwork']);
  let mounted = false;
  const volumes = (pod.volumes ?? []).map((volume) => {
    const { claimName } = (volume['persistentVolumeClaim'] ?? {}) as { claimName?: string };
    if (claimName === undefined) return volume;
    if (claimName !== claim) return { name: volume['name'], emptyDir: {} };
    mounted = true;
    return { name: volume['name'], hostPath: { path: folder, type: 'Directory' } };
  });
  if (!mounted) return undefined;
  const made: PodSpec = {
    ...pod,
    containers: pod.containers.map(besideTheOld),
    volumes,
    restartPolicy: 'Always',
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: graceSeconds,
  };
  renameReferences(made, renamed);
  return made;
}

/** Both servers run at once, the old one idle: the new one asks for no share of its own. */
function besideTheOld(container: Container): Container {
  const { resources } = container;
  return { ...container, resources: { ...resources, requests: { cpu: '1m', memory: '1Mi' } } };
}
