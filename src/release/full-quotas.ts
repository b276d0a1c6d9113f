import type { Manifest } from '../host/kubectl.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { amount } from '../policy/quantity.ts';
import { objectUse, type Quota } from '../policy/quota-use.ts';
import type { Made } from './made-objects.ts';
import { sudo } from '../shell-word.ts';

interface Coming {
  label: string;
  takes: number;
  /** Released once it has completed. */
  freed: number;
  /** It retries until there is room, as controllers do; Helm and the API server do not. */
  waits: boolean;
}

/** Quotas without room for all new objects together: a dry run checks each as if it came alone. */
export function fullQuotas(
  quotas: readonly Quota[],
  created: readonly Manifest[],
  { trials, gone }: Made,
  usual: string,
): Measurement[] {
  return quotas.flatMap((quota) =>
    Object.entries(quota.hard).flatMap(([name, hard]) => {
      const takes = (object: Manifest) => objectUse(quota, object, usual)[name] ?? 0;
      const label = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`;
      const coming: Coming[] = [
        ...created.map((one) => ({ label: label(one), takes: takes(one), freed: 0, waits: false })),
        ...trials
          // A job is created later, when others may have ended; what is refused anyway uses nothing.
          .filter(({ object, refusal }) => object.kind !== 'Job' && refusal === undefined)
          .map(({ workload, object, freed }) => ({
            label: object.kind === 'PersistentVolumeClaim' ? label(object) : `${object.kind} of ${workload}`,
            takes: takes(object),
            freed,
            waits: true,
          })),
      ].filter((one) => one.takes > 0);
      const used = quota.used[name];
      if (coming.length === 0 || used === undefined || Number.isNaN(used + hard)) return [];
      const released = gone.reduce((total, one) => total + takes(one as unknown as Manifest), 0);
      if (fits(coming, hard - used, released)) return [];
      const [resource, all] = [
        name.split(/[./]/).at(-1) ?? name,
        coming.reduce((sum, one) => sum + one.takes, 0),
      ];
      const names = coming.map((one) => one.label).join(', ');
      return [
        {
          part: quota.name,
          outcome: 'fail',
          measured:
            `the quota ${quota.name} allows ${amount(resource, hard)} of ${name}, ` +
            `${amount(resource, used)} are used, and the upgrade creates ${amount(resource, all)}: ` +
            `${names}`,
          fix: `${sudo.kubectl} describe resourcequota ${quota.name} -n ${quota.namespace}`,
        },
      ];
    }),
  );
}

/** Helm's own objects come first; controllers wait until others have released what they no longer need. */
function fits(coming: readonly Coming[], free: number, released: number): boolean {
  let room = free;
  for (const { takes, waits } of coming) if (!waits) room -= takes;
  if (room < 0) return false;
  room += released;
  const waiting = coming.filter(({ waits }) => waits).toSorted((a, b) => b.freed - a.freed);
  for (const { takes, freed } of waiting) {
    if (takes > room) return false;
    room += Math.min(freed, 1) === 0 ? -takes : freed - takes;
  }
  return true;
}
