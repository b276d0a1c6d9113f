import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { signerOf } from '../payload/signature.ts';
import { freshFlags } from '../policy/again.ts';
import { signedBy } from '../policy/trust.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { hostEvidence, isMarked, likely } from './host_evidence.ts';
import type { FlowPorts, HostTools, OpenedPayload } from './session.ts';
import { factsOf, noStateRefusal } from './without_state.ts';

/** Whether a fresh install may start at all: each check throws before anything is changed. */

/** A host with state has an installation, or one that another payload began. */
export function refuseInstalled(
  { payload, release }: OpenedPayload,
  state: State,
  { program, again }: Pick<FlowPorts, 'program' | 'again'>,
): void {
  const { installed, run } = state;
  if (installed !== undefined) {
    throw new IvaapError('preflight', `version ${installed.version} is installed on this host already`, {
      hint:
        installed.version === release.version
          ? `${program} status`
          : `to bring it to ${release.version}: ${again({ add: ['--upgrade'], without: freshFlags })}`,
    });
  }
  if (run !== undefined && run.payloadDigest !== payload.digest) {
    throw new IvaapError(
      'preflight',
      `an install of ${run.to} began on this host and has not completed; another payload cannot go on with it`,
      { hint: again({ program: run.binary }) },
    );
  }
  // The same contents under another signature: the install goes on with the file that began it.
  const signer = signerOf(payload.trailer);
  if (run?.key !== undefined && run.key !== signer) {
    throw new IvaapError(
      'payload',
      `this executable is not trusted: it is ${signedBy(signer)}, and the install that began on this host is ${signedBy(run.key)}`,
      { hint: again({ program: run.binary }) },
    );
  }
}

/** What would be mistaken for ours, or lost, if a fresh install went on over it. */
export async function refuseLeftovers(
  opened: OpenedPayload,
  { kubectl }: HostTools,
  answers: { storagePath: string; valuesFrom: string | undefined },
  { program, signal }: Pick<FlowPorts, 'program' | 'signal'>,
): Promise<void> {
  const { product, paths } = opened;
  const evidence = await hostEvidence(opened, { known: true, value: { kubectl } }, signal);
  signal.throwIfAborted();
  const found = likely(evidence);
  // Backups alone, beside a cluster that knows nothing: what lies there is named below, one thing after the other.
  const here = isMarked(evidence) || (evidence.records.known && evidence.records.value.length > 0);
  if (found === 'unmounted' || (found === 'ours' && here)) {
    const { message, hint } = noStateRefusal(evidence, opened, program);
    throw new IvaapError('preflight', message, { hint, facts: factsOf(evidence, opened) });
  }
  if (!evidence.records.known)
    throw new IvaapError('preflight', evidence.records.why, { hint: 'systemctl status k3s' });
  if (evidence.records.value.length > 0) {
    throw new IvaapError(
      'preflight',
      `the Helm release ${product.release} exists in the namespace ${product.namespace}, but this installer did not make it`,
      { hint: `follow the guide "${product.versions.legacyGuide}"`, facts: factsOf(evidence, opened) },
    );
  }
  if (existsSync(paths.values) && answers.valuesFrom !== paths.values) {
    throw new IvaapError('preflight', `${paths.values} exists already`, {
      hint: `to install with it: --values ${paths.values}`,
    });
  }
  if (existsSync(paths.chart)) {
    throw new IvaapError('preflight', `${paths.chart} exists already, and no state says whose it is`, {
      hint: `ls -l ${paths.chart}`,
    });
  }
  const files = await readdir(answers.storagePath).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new IvaapError('usage', `${answers.storagePath} cannot be the database's folder`, { cause: error });
  });
  if (files.length > 0) {
    throw new IvaapError(
      'preflight',
      `the database's folder ${answers.storagePath} is not empty: it may hold the data of an earlier installation`,
      { hint: `ls -la ${answers.storagePath}` },
    );
  }
  await refuseVolume(kubectl, product.database.volume.persistentVolume);
}

async function refuseVolume(kubectl: HostTools['kubectl'], name: string): Promise<void> {
  type Volume = KubeObject & { status?: { phase?: string }; spec?: { hostPath?: { path?: string } } };
  const volume = await kubectl.get<Volume>('persistentvolume', name);
  if (volume === undefined) return;
  const path = volume.spec?.hostPath?.path;
  throw new IvaapError(
    'preflight',
    `the volume ${name} exists already (${volume.status?.phase ?? 'unknown'}${path === undefined ? '' : `, data in ${path}`})`,
    { hint: `to forget it; its data stays in the folder: k3s kubectl delete pv ${name}` },
  );
}
