import type { Kubectl, KubeObject } from './kubectl.ts';

export type Claim = KubeObject & { spec?: { volumeName?: string } };

export type Volume = KubeObject & {
  spec?: {
    hostPath?: { path?: string };
    local?: { path?: string };
    persistentVolumeReclaimPolicy?: string;
  };
};

export interface ClaimVolume {
  claim: Claim | undefined;
  /** Of the volume, also where there is none. */
  name: string;
  volume: Volume | undefined;
  /** Folder of this host with its content, where it has one. */
  path: string | undefined;
}

/**
 * The volume that a claim is bound to, which a StorageClass may have made under a name of its own; without
 * such a claim the one of the name `otherwise`.
 */
export async function claimVolume(
  kubectl: Pick<Kubectl, 'get'>,
  { namespace, claim, otherwise }: { namespace: string; claim: string; otherwise: string },
  signal?: AbortSignal,
): Promise<ClaimVolume> {
  const asked = signal === undefined ? {} : { signal };
  const found = await kubectl.get<Claim>('persistentvolumeclaim', claim, { namespace, ...asked });
  const name = found?.spec?.volumeName || otherwise;
  const volume = await kubectl.get<Volume>('persistentvolume', name, asked);
  return { claim: found, name, volume, path: volume?.spec?.hostPath?.path ?? volume?.spec?.local?.path };
}
