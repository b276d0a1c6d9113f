import type { Manifest } from '../host/kubectl.ts';
import { mirroredRegistries } from '../host/k3s.ts';
import { normalizedReference } from '../images/reference.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { PodTrial } from '../release/pod-trials.ts';
import { podTemplates, pullsAlways } from '../release/pod-templates.ts';
import { foreign } from '../foreign.ts';
import { shellWord } from '../shell-word.ts';

const limit = 'no image is asked of a registry, or k3s has a mirror for it';

/** A container that asks its registry at each start does not start here, whatever containerd has. */
export async function checkPullPolicy(
  rendered: readonly Manifest[],
  trials: readonly PodTrial[],
  valuesPath: string,
): Promise<Measurement> {
  // What admission makes of a pod counts, where it was asked.
  const admitted = podTemplates(
    trials.map(
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
    ...podTemplates(rendered).filter(({ object }) => !admitted.some((one) => one.object === object)),
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
        ({ name, image, policy }) =>
          `${object}: ${name} asks for ${foreign(image)} (imagePullPolicy ${policy ?? 'Always, as it has no version'})`,
      ),
  );
  if (asking.length === 0) return { outcome: 'ok', measured: 'none asks', limit };
  return {
    outcome: 'fail',
    measured: [...new Set(asking)].join(', '),
    limit,
    fix: `sudoedit ${shellWord(valuesPath)}   # imagePullPolicy: IfNotPresent`,
  };
}
