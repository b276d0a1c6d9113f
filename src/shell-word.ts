/** A word of a shell's command line, quoted where it must be. */
export const shellWord = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** A command of root's, to be typed in any shell at any time: whoever types it may not be root there. */
export const asRoot = (command: string): string => `sudo ${command}`;
