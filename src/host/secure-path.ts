import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Known, known } from '../known.ts';
import { programFailure } from './program-failure.ts';
import { readRegularText } from './regular-file.ts';
import type { Runner } from './runner.ts';

/**
 * The folders in which `sudo` looks for programs, whatever PATH says; undefined where it keeps the user's
 * PATH, or there is no sudo. Root's `sudo -V` prints the setting as sudo itself has read it, from wherever.
 */
export async function securePath(runner: Runner): Promise<Known<string[] | undefined>> {
  const asked = await known(
    runner.run(['sudo', '-V'], { timeoutMs: 10_000, okCodes: 'any' }).catch(ifMissing),
  );
  if (!asked.known) return asked;
  if (asked.value === undefined) return { known: true, value: undefined };
  const { stdout } = asked.value;
  const value = /^Value to override user's \$PATH with: (.+)$/m.exec(stdout)?.[1];
  // The rewrite in Rust prints its version only: there the files are all that there is.
  if (value === undefined && /^sudo-rs/m.test(stdout)) return known(fromFiles());
  return { known: true, value: value === undefined ? undefined : foldersOf(value) };
}

function ifMissing(error: unknown): undefined {
  if (programFailure(error)?.reason === 'not started') return undefined;
  throw error;
}

const foldersOf = (value: string): string[] => value.split(':').filter((folder) => folder.startsWith('/'));

/**
 * Folders in which a program may have been put so that sudo, or the caller's shell, finds it: what is set in
 * sudo's files and in PATH now, and what systems set by themselves.
 */
export async function programFolders(): Promise<string[]> {
  const usual = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const set = [(await fromFiles()) ?? [], foldersOf(process.env['PATH'] ?? ''), foldersOf(usual)];
  return [...new Set(set.flat())];
}

/** The last setting wins, in the order in which sudo reads the files. */
async function fromFiles(): Promise<string[] | undefined> {
  const folder = '/etc/sudoers.d';
  // sudo skips names with a dot, and those of editors' copies.
  const names = (await readdir(folder).catch(() => [])).filter((name) => !/\.|~$/.test(name)).sort();
  let found: string | undefined;
  for (const path of ['/etc/sudoers', ...names.map((name) => join(folder, name))]) {
    const text = await readRegularText(path).catch(() => '');
    const settings = /^\s*Defaults\s+(?:.*,\s*)?secure_path\s*=\s*(?:"([^"\n]*)"|([^\s,]+))/gm;
    for (const [, quoted, plain] of text.matchAll(settings)) found = quoted ?? plain;
  }
  return found === undefined ? undefined : foldersOf(found);
}
