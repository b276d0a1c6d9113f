import { existsSync } from 'node:fs';

/**
 * A path or name as a word of a shell's command line, quoted where it must be. One that begins with `-` would
 * be an option of the program.
 */
export const shellWord = (path: string): string => quotedWord(path.startsWith('-') ? `./${path}` : path);

/** A word just as it is, options too. */
export const quotedWord = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const isRoot = () => process.geteuid?.() === 0;

/**
 * Whether the operator's shell is not root's: this process is not root, or is root by another user's sudo. A
 * shell of root's needs no sudo, and a host may have none.
 */
const needsSudo = (): boolean => !isRoot() || (process.env['SUDO_USER'] ?? 'root') !== 'root';

/** A command of root's, as it is typed into the shell of whoever reads it. */
export const asRoot = (command: string): string => (needsSudo() ? `sudo ${command}` : command);

/** A command that needs root where this process did: whoever typed sudo for this one types it again. */
export const asThisUser = (command: string): string => (isRoot() ? asRoot(command) : command);

/** The command with which root changes a file. */
export const toEdit = (path: string): string =>
  `${needsSudo() ? 'sudoedit' : '${EDITOR:-vi}'} ${shellWord(path)}`;

/** A shell script that prints commands of root's sets `$sudo` by the same rule: `sudo ` or nothing. */
export const sudoInScript = `sudo='sudo '
case $(command -p id -u):\${SUDO_USER:-root} in 0:root) sudo= ;; esac`;

/** Where k3s lies, unless its service says something else. */
export const k3sPlaces = ['/usr/local/bin/k3s', '/usr/bin/k3s', '/opt/bin/k3s', '/opt/local/bin/k3s'];

/** By its path: the folders in which sudo looks may lack it, as on Red Hat's systems. */
export const k3s = k3sPlaces.find((path) => existsSync(path)) ?? 'k3s';

/** How commands begin that only root can use, as they are typed; sudo only where it is needed. */
export const sudo = {
  kubectl: asRoot(`${k3s} kubectl`),
  ctr: asRoot(`${k3s} ctr`),
  crictl: asRoot(`${k3s} crictl`),
  certificate: asRoot(`${k3s} certificate`),
  systemctl: asRoot('systemctl'),
} as const;
