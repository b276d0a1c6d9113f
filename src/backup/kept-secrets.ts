import { existsSync } from 'node:fs';
import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import { readRegularText } from '../host/regular-file.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { keepFile } from './backup-folder.ts';

/**
 * The Secrets that a rollback deletes stay in its backup, readable by root only, until an install is
 * complete: a new install takes them up again, and never meets old data with a new password.
 */

const contents = z.record(z.string(), z.record(z.string(), z.string()));

/** By the name of the Secret: its `data`, in base64 as the API server has it. */
export type KeptSecrets = z.infer<typeof contents>;

const fileName = 'secrets.json';

/** Adds to what is kept there already: an attempt that was cut off has deleted some of them. */
export async function keepSecrets(folder: string, found: KeptSecrets, earlier: KeptSecrets): Promise<string> {
  const there = await readKeptSecrets(`${folder}/${fileName}`);
  const all = { ...earlier, ...there, ...found };
  return keepFile(folder, fileName, `${JSON.stringify(all, null, 2)}\n`);
}

/** Empty where there is no such file. Throws `failed` for one that is damaged. */
export async function readKeptSecrets(path: string | undefined): Promise<KeptSecrets> {
  if (path === undefined || !existsSync(path)) return {};
  try {
    return contents.parse(JSON.parse(await readRegularText(path)));
  } catch {
    // Nothing of the text: it holds secrets.
    throw new IvaapError('failed', `the secrets that a rollback kept in ${path} cannot be read`, {
      hint: asRoot(`ls -l ${shellWord(path)}`),
    });
  }
}
