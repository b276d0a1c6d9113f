import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Damage } from './damages.ts';
import { damagedRegions, names } from './judge.ts';
import type { Specimen } from './damage-proof.ts';

const limitMs = 10_000;

/**
 * The damaged executable proves itself, gives itself out, and is proved by an undamaged copy. Found means:
 * exit 4 with the region named and nothing written; a damaged head may also end by a signal or in any other
 * failure, but never says that all is well.
 */
export async function judgeExecutable(specimen: Specimen, damage: Damage): Promise<string | undefined> {
  const folder = mkdtempSync(join(specimen.folder, 'run-'));
  const run = (program: string, ...args: string[]) =>
    spawnSync(program, args, {
      cwd: folder,
      env: { HOME: folder, PATH: '/usr/bin:/bin' },
      encoding: 'utf8',
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
  try {
    const damaged = damagedRegions(specimen, damage).map(({ name }) => name);
    const [region] = damaged;
    if (region === undefined) return 'it changes nothing';
    const inHead = region === 'the executable itself';
    const named = (said: string) =>
      names(said, [region]) ||
      said.includes(`damaged: ${region}, bytes `) ||
      said.includes(`is damaged: ${region} (`);
    const byCopy = run(specimen.undamaged, 'verify', specimen.path);
    if (byCopy.status !== 4 || !named(byCopy.stderr.split('\n')[0]!))
      return `an undamaged copy said (${byCopy.status}): ${byCopy.stderr}`;
    const byItself = run(specimen.path, 'verify');
    if (byItself.status === 0) return 'it called itself intact';
    if (!inHead && (byItself.status !== 4 || !named(byItself.stderr.split('\n')[0]!)))
      return `it said of itself (${byItself.status}): ${byItself.stderr}`;
    if (!inHead && region !== 'padding') {
      const extracted = run(specimen.path, 'extract', 'out');
      // A tool is not extracted; what shares a chunk with it is refused all the same, and the tool is named.
      const isLeftOut = extracted.status === 0 && region.startsWith('tools/');
      if (!isLeftOut && (extracted.status !== 4 || !names(extracted.stderr.split('\n')[0]!, [region])))
        return `extract ended with ${extracted.status}: ${extracted.stderr}`;
      if (isLeftOut) rmSync(join(folder, 'out'), { recursive: true });
    }
    const written = readdirSync(folder);
    return written.length === 0 ? undefined : `it wrote ${written.join(', ')}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
