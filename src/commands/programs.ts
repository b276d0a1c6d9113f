import type { Programs } from './command.ts';

/** The other names of this executable, as `activate` puts them on PATH. */
export const programs: Programs = {
  kubectl: {
    summary: "run k3s kubectl in a namespace, the product's own where none is named",
    load: async () => (await import('./kubectl.ts')).kubectlText,
  },
  pgDump: {
    summary: "dump the product's database into a file, verified as an upgrade's dump is",
    load: async () => (await import('./pg-dump.ts')).pgDumpCommand,
  },
};
