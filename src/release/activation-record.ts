import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { causeChain } from '../errors.ts';
import { removeLeftovers, syncFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { readRegularText } from '../host/regular-file.ts';
import type { Known } from '../known.ts';
import { isNestedTooDeep } from '../nesting.ts';

/**
 * `activation.json` in the installer's folder: what `activate` has put on PATH, or was about to. It is
 * written before the first file and again after the last one, so that it never names less than there is.
 */
export const activationSchema = z.looseObject({
  schema: z.looseObject({ major: z.literal(1), minor: z.int().nonnegative() }),
  product: z.string(),
  version: z.string(),
  payloadDigest: z.string(),
  how: z
    .enum(['link', 'reflink', 'copy'])
    .describe(
      '`link`: the names lead to the file of the package itself; `reflink`: to a copy that shares its ' +
        'blocks; `copy`: to a copy.',
    ),
  executable: z.string().describe('The file that the names lead to.'),
  source: z
    .string()
    .describe('The file that was activated: `executable` itself, or what it was copied from.'),
  complete: z.boolean().describe('False until the last file is there.'),
  at: z.string(),
  by: z.string(),
  files: z.array(z.string()).describe('Launchers, completions and man pages.'),
  copies: z
    .array(z.string())
    .describe('Executables in our own folder, also earlier ones that an installed release still needs.'),
  folders: z.array(z.string()).describe('Folders that did not exist before, the outermost first.'),
});

export type Activation = z.infer<typeof activationSchema>;

/**
 * Undefined where there is none; not known where it cannot be read: what is ours is then told from the files.
 */
export async function readActivation(path: string): Promise<Known<Activation | undefined>> {
  try {
    const raw: unknown = JSON.parse(await readRegularText(path));
    const value = isNestedTooDeep(raw) ? undefined : activationSchema.safeParse(raw).data;
    if (value !== undefined) return { known: true, value };
    return { known: false, why: 'it is not a record of activate that this release can read' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { known: true, value: undefined };
    return { known: false, why: causeChain(error)[0] ?? 'it cannot be read' };
  }
}

export const writeActivation = (path: string, record: Activation): Promise<void> =>
  writeFileAtomic(path, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });

export async function removeActivation(path: string): Promise<void> {
  await removeLeftovers(path).catch(() => undefined);
  await rm(path, { force: true });
  await syncFolder(dirname(path)).catch(() => undefined);
}
