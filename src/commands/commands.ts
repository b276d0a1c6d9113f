import type { CommandEntry } from './command.ts';

/** Every subcommand, in the order of the help. */
export const commands: readonly CommandEntry[] = [
  {
    name: 'install',
    summary: 'install the product on this host, or upgrade it with --upgrade',
    load: async () => (await import('./install.ts')).install,
  },
  {
    name: 'status',
    summary: 'show what is installed, how the last run went and how the product is',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'repair-state',
    summary: 'make a lost or damaged installer state anew from what this host itself says',
    load: async () => (await import('./repair-state.ts')).repairState,
  },
  {
    name: 'manifest',
    summary: 'list what the payload holds, against what is on disk and in containerd',
    load: async () => (await import('./manifest.ts')).manifestCommand,
  },
  {
    name: 'extract-file',
    summary: 'write one archive or file of the payload',
    load: async () => (await import('./extract-file.ts')).extractFileCommand,
  },
  {
    name: 'extract',
    summary: 'write all of the payload to a staging folder',
    load: async () => (await import('./extract.ts')).extractCommand,
  },
  {
    name: 'verify',
    summary: 'prove this file, or another one, intact',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
];
