import { isObject } from '../host/answer.ts';
import { roomAt } from '../host/mounts.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { shellWord, sudo } from '../shell-word.ts';
import { type Check, withoutNode } from './check.ts';

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
    const [node] = nodes;
    if (node === undefined) return withoutNode;
    const path = `/api/v1/nodes/${node.metadata.name}/proxy/configz`;
    const [configz, missing, room] = await Promise.all([
      ctx.kubectl.run(['get', '--raw', path], { timeoutMs: 20_000, signal: ctx.signal }),
      facts.missingImages(),
      facts.imageStore().then(roomAt),
    ]);
    const threshold = highThreshold(configz.stdout);
    if (threshold === undefined) {
      return {
        outcome: 'fail',
        measured: 'not known: the answer of kubelet names no imageGCHighThresholdPercent',
        fix: `${sudo.kubectl} get --raw ${path}`,
      };
    }
    return judgeImageGc(threshold, room, missing.missingBytes + missing.unpackedBytes);
  },
};

/** The threshold that kubelet reports; undefined where its answer is cut, or does not name a percentage. */
export function highThreshold(configz: string): number | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(configz);
  } catch {
    return undefined;
  }
  const config = isObject(answer) ? answer['kubeletconfig'] : undefined;
  const percent = isObject(config) ? config['imageGCHighThresholdPercent'] : undefined;
  return typeof percent === 'number' && percent >= 0 && percent <= 100 ? percent : undefined;
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
