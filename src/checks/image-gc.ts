import { roomAt } from '../host/mounts.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { shellWord } from '../shell-word.ts';
import type { Check } from './check.ts';

/** Usage of the image file system as kubelet counts it, now and with the new images. */
export const imageGc: Check = {
  id: 'image-gc',
  kind: 'health',
  title: 'Image file system below kubelet’s threshold',
  limit: 'below imageGCHighThresholdPercent, new images included',
  why: 'above it kubelet removes images that no running pod uses',
  fix: 'free some space on it (df -h), or use a larger disk',
  timeoutSeconds: 90,
  flows: ['install', 'upgrade'],
  async measure(ctx, facts) {
    const { nodes } = await facts.cluster();
    const node = nodes[0]?.metadata.name ?? '';
    const [configz, missing, room] = await Promise.all([
      ctx.kubectl.run(['get', '--raw', `/api/v1/nodes/${node}/proxy/configz`], {
        timeoutMs: 20_000,
        signal: ctx.signal,
      }),
      facts.missingImages(),
      facts.imageStore().then(roomAt),
    ]);
    return judgeImageGc(highThreshold(configz.stdout), room, missing.missingBytes + missing.unpackedBytes);
  },
};

/** kubelet's own default, which k3s keeps. */
const defaultThreshold = 85;

/** The threshold that kubelet reports; its default where it reports none. */
export function highThreshold(configz: string): number {
  try {
    const { kubeletconfig } = JSON.parse(configz) as {
      kubeletconfig?: { imageGCHighThresholdPercent?: number };
    };
    return kubeletconfig?.imageGCHighThresholdPercent ?? defaultThreshold;
  } catch {
    return defaultThreshold;
  }
}

export function judgeImageGc(
  threshold: number,
  room: { mountPoint: string; freeBytes: number; totalBytes: number },
  comingBytes: number,
): Measurement {
  const percent = (freeBytes: number) => 100 - Math.floor((Math.max(0, freeBytes) * 100) / room.totalBytes);
  const now = percent(room.freeBytes);
  const then = percent(room.freeBytes - comingBytes);
  return {
    outcome: then >= threshold ? 'fail' : 'ok',
    measured: `${now} % of ${room.mountPoint} used, ${then} % with the new images`,
    limit: `below ${threshold} %: above that kubelet removes images`,
    fix: `free some space on it (df -h ${shellWord(room.mountPoint)}), or use a larger disk`,
    data: { nowPercent: now, thenPercent: then, thresholdPercent: threshold },
  };
}
