import { readState, type State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { knownAsRoot } from '../../queries/as-root.ts';
import { useOfKeptData } from '../../queries/kept-data.ts';
import { lookWithoutState } from '../../queries/without-state.ts';
import { keptDataHere } from '../../release/ended-uninstalls.ts';
import { keptText } from '../../policy/kept-text.ts';
import { deleteKeptData } from '../../release/kept-data.ts';
import { readOwnState } from '../../session/own-state.ts';
import type { UninstallOptions } from './options.ts';
import { reopenedState } from './reopened.ts';
import type { Session } from '../../session/session.ts';
import { asRoot } from '../../shell-word.ts';

/**
 * The state of this host; that of the last uninstall where it left out the cluster, which is back. Throws
 * where this installer has installed nothing, or not this product.
 */
export async function refuseUnmanaged(
  session: Session,
  options: Pick<UninstallOptions, 'dumpTo' | 'withoutCluster'>,
): Promise<State> {
  const { product, paths, program } = session;
  const other = (await readState(paths.state).catch(() => undefined))?.product;
  if (other !== undefined && other !== product.name) {
    throw new IvaapError(
      'version',
      `the state file ${paths.state} belongs to ${other}, not to ${product.name}`,
      {
        hint: `use the executable of ${other}`,
      },
    );
  }
  const state = await readOwnState(session, program);
  if (state === undefined) return stateOfRest(session, options);
  if (state.installed !== undefined || state.run !== undefined) return state;
  throw nothing(`${paths.state} records no install`, session);
}

async function stateOfRest(
  session: Session,
  { dumpTo, withoutCluster }: Pick<UninstallOptions, 'dumpTo' | 'withoutCluster'>,
): Promise<State> {
  const { product, paths } = session;
  const tools = await knownAsRoot(() => session.tools());
  const { program, signal } = session;
  const { found, refusal, uninstalled } = await lookWithoutState(session, tools, { program, signal, dumpTo });
  if (uninstalled !== undefined && !withoutCluster) {
    const state = await reopenedState(session, uninstalled);
    if (state !== undefined) return state;
  }
  if (found === 'nothing')
    throw nothing(`there is no ${paths.state}`, session, refusal.facts, await keptLine(session));
  if (found !== 'foreign') throw refusal;
  throw refusal.with({
    hint:
      'whoever installed it can remove it; Helm would: ' +
      asRoot(
        `helm uninstall ${product.release} --namespace ${product.namespace} ` +
          `--kubeconfig ${product.k3s.kubeconfig}`,
      ),
  });
}

const nothing = (why: string, { program }: Session, facts?: readonly string[], kept?: string): IvaapError =>
  new IvaapError('nothing_to_do', `nothing is installed on this host: ${why}`, {
    hint: kept ?? `to install: ${program} install --help`,
    ...(facts === undefined ? {} : { facts }),
  });

/** What to do with data that earlier uninstalls have kept. */
async function keptLine({ product, program }: Session): Promise<string | undefined> {
  const kept = await keptDataHere(product);
  if (kept.length === 0) return undefined;
  const lines = kept.map((one) => {
    const use = useOfKeptData(program, product, one);
    const remove = deleteKeptData(one.folder);
    return `data are kept in ${one.folder} (${keptText(one)}): ${use} uses them; to delete them: ${remove}`;
  });
  return lines.join('\n');
}
