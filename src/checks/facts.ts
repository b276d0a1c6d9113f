import { type LockHolder, lockHolders, otherDatabases } from '../host/database-sessions.ts';
import { estimateDump } from '../host/dump-estimate.ts';
import { type Known, known } from '../known.ts';
import type { ApiServerAnswer } from '../host/api-server.ts';
import type { KubeObject } from '../host/kubectl.ts';
import type { Pod } from '../host/pods.ts';
import { type ImagePlan, planImages } from '../images/plan.ts';
import { wantedImages } from '../images/wanted.ts';
import type { QuotaObject } from '../policy/quota-use.ts';
import type { NodeObject, Claim, StorageClass, ClusterObjects } from '../release/cluster-objects.ts';
import { once } from '../release/once.ts';
import { imageStore } from '../release/image-store.ts';
import { settled } from '../release/settled-node.ts';
import type { CheckContext } from './context.ts';
import { versionAndSize } from '../host/database-size.ts';

export interface DatabaseFacts {
  /** `server_version_num`: 150018 is 15.18. */
  versionNumber: number;
  sizeBytes: number;
}

/** What several checks need, each queried once, by the first that needs it. */
export interface HostFacts {
  /** Nodes, pods and quotas, and the claims of the product's namespace: one call. */
  cluster(): Promise<ClusterObjects>;
  apiServer(): Promise<ApiServerAnswer>;
  database(): Promise<DatabaseFacts>;
  /** Where containerd keeps images. */
  imageStore(): Promise<string>;
  /** Sessions that a dump would wait for. */
  lockHolders(): Promise<Known<LockHolder[]>>;
  /** Databases of the server that are not in the dump. */
  otherDatabases(): Promise<Known<string[]>>;
  /** Estimated size of a dump. */
  dumpBytes(): Promise<Known<number>>;
  /** Of the release's images, without regard to archives on disk. */
  missingImages(): Promise<Pick<ImagePlan, 'missingBytes' | 'unpackedBytes'>>;
}

const apiServerTimeoutMs = 20_000;

export function hostFacts(ctx: CheckContext): HostFacts {
  const { product, database, containerd, index, signal } = ctx;
  return {
    cluster: once(() => settled(() => clusterObjects(ctx), ctx)),
    apiServer: once(() =>
      ctx.askApiServer(product.k3s.kubeconfig, { signal, timeoutMs: apiServerTimeoutMs }),
    ),
    database: once(() => versionAndSize(database, signal)),
    imageStore: once(() => imageStore(ctx)),
    lockHolders: once(() => known(lockHolders(database, signal))),
    otherDatabases: once(() => known(otherDatabases(database, signal))),
    dumpBytes: once(() => known(estimateDump(database, signal))),
    missingImages: once(() =>
      planImages({
        containerd,
        wanted: wantedImages(index, product, ctx.entitlements),
        index,
        from: 'payload',
        folder: ctx.paths.folder,
        command: ctx.program,
        signal,
      }),
    ),
  };
}

async function clusterObjects({ product, kubectl, signal }: CheckContext): Promise<ClusterObjects> {
  const kinds = 'nodes,pods,persistentvolumeclaims,resourcequotas,storageclasses';
  const objects = await kubectl.list(kinds, { allNamespaces: true, signal });
  const ofKind = <T extends KubeObject>(kind: string) =>
    objects.filter((object) => object.kind === kind) as T[];
  const own = ({ metadata }: KubeObject) => metadata.namespace === product.namespace;
  const allPods = ofKind<Pod>('Pod');
  const allClaims = ofKind<Claim>('PersistentVolumeClaim');
  return {
    nodes: ofKind<NodeObject>('Node'),
    pods: allPods.filter(own),
    allPods,
    quotas: ofKind<KubeObject & QuotaObject>('ResourceQuota'),
    classes: ofKind<StorageClass>('StorageClass'),
    allClaims,
    claims: allClaims.filter(own),
  };
}
