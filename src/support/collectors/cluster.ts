import { stringify } from 'yaml';
import { withoutNoise } from '../objects.ts';
import type { Collector } from '../collector.ts';

const ofCluster = [
  'nodes',
  'persistentvolumes',
  'storageclasses',
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
];
const ofNamespace = [
  'persistentvolumeclaims',
  'resourcequotas',
  'limitranges',
  'services',
  'endpointslices',
  'ingresses',
  'networkpolicies',
  'poddisruptionbudgets',
];

export const cluster: Collector = {
  id: 'cluster',
  title: 'The node, volumes, quotas, and what may refuse or cut off pods',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { kubectl } = await ctx.host();
    const { namespace } = ctx.opened.product;
    const { signal } = ctx;
    const found = [
      ...(await kubectl.list(ofCluster.join(','), { signal })),
      ...(await kubectl.list(ofNamespace.join(','), { namespace, signal })),
    ];
    ctx.add('objects.yaml', stringify(found.map(withoutNoise), { lineWidth: 0 }));
  },
};
