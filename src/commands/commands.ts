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
    summary: 'show what is installed, the last run and the health of the product',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'report',
    summary: 'make the report of a run again from its log, for the change ticket',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    name: 'license-check',
    summary: 'check the licence for the release in this file, before an install or an upgrade',
    load: async () => (await import('./license-check.ts')).licenseCheck,
  },
  {
    name: 'backup',
    summary: 'take, list, prove and remove backups of the database',
    load: async () => (await import('./backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    summary: 'go back to the release and the data of a backup, and keep what was there',
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'support-bundle',
    summary: 'collect what support needs of this host into one file, without its secrets',
    load: async () => (await import('./support-bundle.ts')).supportBundleCommand,
  },
  {
    name: 'repair-state',
    summary: 'rebuild a lost or damaged installer state from what is on this host',
    load: async () => (await import('./repair-state.ts')).repairState,
  },
  {
    name: 'uninstall',
    summary: 'remove the product from this host, after a last dump of its database',
    load: async () => (await import('./uninstall.ts')).uninstall,
  },
  {
    name: 'manifest',
    summary: 'list the payload, compared with the archives on disk, containerd and the cluster',
    load: async () => (await import('./manifest.ts')).manifestCommand,
  },
  {
    name: 'extract-file',
    summary: 'extract one archive or file of the payload',
    load: async () => (await import('./extract-file.ts')).extractFileCommand,
  },
  {
    name: 'extract',
    summary: 'extract all files of the payload to a staging folder',
    load: async () => (await import('./extract.ts')).extractCommand,
  },
  {
    name: 'verify',
    summary: 'check that this file, or another one, is intact',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    name: 'activate',
    summary: 'put this version on PATH, with completions and man pages, or remove it from there',
    load: async () => (await import('./activate.ts')).activateCommand,
  },
  {
    name: 'completion',
    summary: 'print the completions for a shell',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
  {
    name: 'man',
    summary: 'print a man page',
    load: async () => (await import('./man.ts')).manCommand,
  },
];
