import { existsSync } from 'node:fs';

/**
 * A path or name as a word of a shell's command line, quoted where it must be. One that begins with `-` would
 * be an option of the program.
 */
export const shellWord = (path: string): string => quotedWord(path.startsWith('-') ? `./${path}` : path);

/** A word just as it is, options too. */
export const quotedWord = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A command of root's, to be typed in any shell at any time: whoever types it may not be root there. */
export const asRoot = (command: string): string => `sudo ${command}`;

/**
 * A command as the operator has to type it: whoever needed root for this process, mostly by sudo, needs it
 * for the next command, too.
 */
export const asThisUser = (command: string): string =>
  process.geteuid?.() === 0 ? asRoot(command) : command;

/** Where k3s lies, unless its service says something else. */
export const k3sPlaces = ['/usr/local/bin/k3s', '/usr/bin/k3s', '/opt/bin/k3s', '/opt/local/bin/k3s'];

/** By its path: the folders in which sudo looks may lack it, as on Red Hat's systems. */
export const k3s = k3sPlaces.find((path) => existsSync(path)) ?? 'k3s';

/** How commands begin that only root can use, in what is printed to be typed. */
export const sudo = {
  kubectl: asRoot(`${k3s} kubectl`),
  ctr: asRoot(`${k3s} ctr`),
  crictl: asRoot(`${k3s} crictl`),
  certificate: asRoot(`${k3s} certificate`),
  systemctl: asRoot('systemctl'),
} as const;
