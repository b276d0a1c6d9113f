import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openPayload } from '../../src/payload/open-payload.ts';
import { drawn } from '../crash/draw.ts';
import { scanWithoutThreads } from '../fixtures/in-process-host/scan-thread.ts';
import { fixedKeys } from '../fixtures/signing-keys.ts';
import type { TinyOptions } from '../fixtures/tiny-payload.ts';
import { makeTinyPayload } from '../fixtures/tiny-payload.ts';
import { builtExecutable } from '../fixtures/built-executable.ts';
import { whileDamaged } from './damaged-file.ts';
import type { Damage } from './damages.ts';
import { allDamages, executableDamages, trailerDamages } from './damages.ts';
import type { Described } from './fields.ts';
import { judge } from './judge.ts';
import { judgeExecutable } from './judge-executable.ts';

/** A packed file of 12 MiB (behind its head) in entries small and large, one over several chunks; an undamaged copy of it, and all that is known of its bytes. */
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

/** Every damage of a seed with the file that it is done to. */
function trials(seed: string, files: { signed: Specimen; unsigned: Specimen; executable: Specimen }) {
  const on = (specimen: Specimen, damages: readonly Damage[]) =>
    damages.map((damage) => ({ specimen, damage }));
  return [
    ...on(files.signed, allDamages(files.signed, seed)),
    ...on(files.unsigned, trailerDamages(files.unsigned, seed)),
    ...on(files.executable, executableDamages(files.executable, seed)),
  ];
}

/** Tries damages of a seed: all of them, `draw` of them, or those whose id holds `only`. Returns a line for each that was not found. */
export async function tryDamages(options: {
  seed: string;
  draw?: number;
  only?: string;
}): Promise<{ tried: number; problems: string[] }> {
  const { seed, draw, only = '' } = options;
  const files = {
    signed: await specimen(),
    unsigned: await specimen({ keys: 'none' }),
    executable: await specimen({ executable: builtExecutable() }),
  };
  const endThreads = scanWithoutThreads();
  const problems: string[] = [];
  try {
    const wanted = trials(seed, files).filter(({ damage }) => damage.id.includes(only));
    const chosen = draw === undefined ? wanted : drawn(wanted, draw, seed);
    for (const { specimen, damage } of chosen) {
      const problem = await tryOne(specimen, damage);
      if (problem !== undefined) problems.push(`${damage.kind}: ${damage.id}: ${problem}`);
    }
    return { tried: chosen.length, problems };
  } finally {
    endThreads();
    for (const { remove } of Object.values(files)) remove();
  }
}

function tryOne(specimen: Specimen, damage: Damage): Promise<string | undefined> {
  return whileDamaged(specimen.path, specimen.bytes, damage, () =>
    damage.executable === true ? judgeExecutable(specimen, damage) : judge(specimen, specimen.path, damage),
  );
}
