import type { Manifest } from '../host/kubectl.ts';
import { mirroredRegistries } from '../host/k3s.ts';
import { normalizedReference } from '../images/reference.ts';
import { podTemplates, pullingPolicy, pullsAlways } from '../release/pod-templates.ts';
import { foreign } from '../foreign.ts';
import { toEdit } from '../shell-word.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

/**
 * A container that queries its registry at each start does not start here, even if containerd has its image.
 */
export const pullPolicy: Check<UpgradeCheckContext> = {
  id: 'pull-policy',
  kind: 'outage',
  title: 'No image is pulled from a registry',
  limit: 'no imagePullPolicy Always, set or by default for latest, unless registries.yaml has a mirror',
  why: 'a pod that queries a registry at each start does not start here',
  fix: 'set imagePullPolicy to IfNotPresent in the values file',
  timeoutSeconds: 180,
  flows: ['upgrade'],
  async measure({ rendered, podTrials, values }) {
    const objects = await rendered({ hooks: true });
    // The pod as admission changes it counts, where the server was queried.
    const admitted = podTemplates(
      (await podTrials()).map(
        ({ pod, workload }) =>
          ({
            ...pod,
            kind: workload.split('/')[0],
            metadata: { ...pod.metadata, name: workload.split('/')[1] },
          }) as unknown as Manifest,
      ),
    );
    const templates = [
      ...admitted,
      ...podTemplates(objects).filter(({ object }) => !admitted.some((one) => one.object === object)),
    ];
    const mirrors = await mirroredRegistries();
    const mirrored = (image: string) => {
      const [registry = ''] = normalizedReference(image).split('/');
      return mirrors.includes(registry) || mirrors.includes('*');
    };
    const asking = templates.flatMap(({ object, containers }) =>
      containers
        .filter((one) => pullsAlways(one) && !mirrored(one.image))
        .map(
          (one) =>
            `${object}: ${one.name} pulls ${foreign(one.image)} (imagePullPolicy ${pullingPolicy(one)})`,
        ),
    );
    if (asking.length === 0) return { outcome: 'ok', measured: 'none' };
    return {
      outcome: 'fail',
      measured: [...new Set(asking)].join(', '),
      fix: `${toEdit(values.path)}   # imagePullPolicy: IfNotPresent`,
    };
  },
};
