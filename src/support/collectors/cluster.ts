import { stringify } from 'yaml';
import type { KubeObject, Secret } from '../../host/kubectl.ts';
import { columns } from '../../ui/format.ts';
import { withoutNoise } from '../objects.ts';
import type { Collector } from '../collector.ts';

const ofCluster = [
  'nodes',
  'namespaces',
  'persistentvolumes',
  'storageclasses',
  'ingressclasses',
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
  'cronjobs',
];

/** A ConfigMap or a Secret: shown are its keys, and which of them are empty. */
type Keeper = KubeObject & Pick<Secret, 'type' | 'data'> & { binaryData?: Record<string, string> };

export const cluster: Collector = {
  id: 'cluster',
  title: 'The node, volumes, quotas, settings, and what may refuse or cut off pods',
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
    const kept = await kubectl.list<Keeper>('configmaps,secrets', { namespace, signal });
    const rows = kept.map(({ kind, type = '', metadata, data, binaryData }) => [
      kind,
      metadata.name,
      type,
      Object.entries({ ...data, ...binaryData })
        .map(([key, value]) => (value === '' ? `${key} (empty)` : key))
        .join(', '),
    ]);
    ctx.add('keys.txt', columns(rows).join('\n') || 'none');
  },
};
