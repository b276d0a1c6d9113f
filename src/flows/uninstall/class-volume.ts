import { IvaapError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { removedOf } from '../../release/ours.ts';
import { retainCommand } from '../../release/database-volume.ts';
import type { UninstallFindings } from '../../release/uninstall-context.ts';
import type { Session } from '../../session/session.ts';
import { sudo } from '../../shell-word.ts';

/** The volume of a StorageClass goes with its claim, unless its own policy is Retain. */

type Found = Pick<UninstallFindings, 'classVolume' | 'contents'>;

const policyText = (policy: string | undefined) => (policy === undefined ? 'not known' : foreign(policy));

/** Throws where the volume is not known, or would go though its data are to be kept. */
export function refuseLostVolume(
  { product, again }: Pick<Session, 'product' | 'again'>,
  { classVolume: asked }: Found,
  keepData: boolean,
): void {
  const { claim } = product.database.volume;
  if (!asked.known) {
    throw new IvaapError('preflight', `the volume of the claim ${claim} is not known: ${asked.why}`, {
      hint: `${asked.hint ?? `${sudo.kubectl} get pvc,pv -n ${product.namespace}`}\nThen: ${again()}`,
    });
  }
  if (!keepData || asked.value === null || asked.value.policy === 'Retain') return;
  const { name, policy } = asked.value;
  throw new IvaapError(
    'preflight',
    `the reclaim policy of the volume ${name} is ${policyText(policy)}: it would go with the claim ` +
      `${claim}, and the data with it`,
    {
      hint:
        `${retainCommand(name)}\nThen the volume stays also without --keep-data: ` +
        again({ without: ['--keep-data'] }),
    },
  );
}

/** What happens to the volume, for whoever types the name. */
export function notesOfVolume({ classVolume: asked, contents }: Found, claim: string): string[] {
  if (!asked.known || asked.value === null) return [];
  const { name, policy } = asked.value;
  const goes =
    !contents.known ||
    removedOf(contents.value).some((one) => one.kind === 'PersistentVolumeClaim' && one.name === claim);
  const of = `the volume ${name} of the claim ${claim}, whose reclaim policy is ${policyText(policy)}`;
  if (policy === 'Retain' || !goes) return [`stays: ${of}`];
  return [`goes with its claim, and the data with it: ${of}; to keep it: ${retainCommand(name)}`];
}
