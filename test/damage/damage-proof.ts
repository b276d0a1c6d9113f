import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPayload } from '../../src/payload/open-payload.ts';
import { scanWithoutThreads } from '../fixtures/in-process-host/scan-thread.ts';
import { fixedKeys } from '../fixtures/signing-keys.ts';
import type { TinyOptions } from '../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { alone } from '../proofs/proof.ts';
import type { Proof } from '../proofs/proof.ts';
import { whileDamaged } from './damaged-file.ts';
import type { Damage } from './damages.ts';
import { allDamages, executableDamages, trailerDamages } from './damages.ts';
import type { Described } from './fields.ts';
import { judge } from './judge.ts';
import { judgeExecutable } from './judge-executable.ts';

/**
 * A packed file of 12 MiB (behind its head) in entries small and large, one over several chunks; an undamaged
 * copy of it, and all that is known of its bytes.
 */
export interface Specimen extends Described {
  path: string;
  undamaged: string;
  folder: string;
  remove(): void;
}

/** Signed, with a statement by an older key, so that its trailer has every line that there is. */
const signed = fixedKeys(167, [fixedKeys(211)]);

export async function specimen(options: Pick<TinyOptions, 'executable' | 'keys'> = {}): Promise<Specimen> {
  const tiny = await makeTinyPayload({
    bigLayerBytes: 9_500_000,
    keys: signed,
    ...(options.executable === undefined ? { padToBytes: 12 * 2 ** 20 } : {}),
    ...options,
  });
  const payload = await openPayload(tiny.path);
  const { trailer, commentOffset } = payload;
  await payload.close();
  const undamaged = join(tiny.folder, 'undamaged');
  copyFileSync(tiny.path, undamaged);
  const { path, folder, index, remove } = tiny;
  return { path, folder, index, remove, undamaged, trailer, commentOffset, bytes: readFileSync(path) };
}

/** A damage and the file that it is done to. */
interface Trial {
  id: string;
  specimen: Specimen;
  damage: Damage;
}

const on = (specimen: Specimen, damages: readonly Damage[]) =>
  damages.map((damage): Trial => ({ id: `${damage.kind}: ${damage.id}`, specimen, damage }));

/** Does every damage of a seed to a packed file and asks the reader. `end` removes the files. */
export async function damageProof(seed: string): Promise<{ proof: Proof<Trial>; end: () => void }> {
  const signedFile = await specimen();
  const unsigned = await specimen({ keys: 'none' });
  const executable = await specimen({ executable: builtExecutable() });
  const endThreads = scanWithoutThreads();
  const trials = [
    ...on(signedFile, allDamages(signedFile, seed)),
    ...on(unsigned, trailerDamages(unsigned, seed)),
    ...on(executable, executableDamages(executable, seed)),
  ];
  const proof: Proof<Trial> = {
    terms: { cases: 'damages', passed: 'found' },
    groups: alone(trials),
    attempt: ({ cases }) =>
      Promise.all(
        cases.map(async ({ id, ...trial }) => {
          const problem = await tryOne(trial);
          return { id, problems: problem === undefined ? [] : [problem] };
        }),
      ),
  };
  const end = () => {
    endThreads();
    for (const { remove } of [signedFile, unsigned, executable]) remove();
  };
  return { proof, end };
}

function tryOne({ specimen, damage }: Omit<Trial, 'id'>): Promise<string | undefined> {
  return whileDamaged(specimen.path, specimen.bytes, damage, () =>
    damage.executable === true ? judgeExecutable(specimen, damage) : judge(specimen, specimen.path, damage),
  );
}
