import { join } from 'node:path';

/** Of a product's data, what its names on PATH are made of. */
export interface NamedProduct {
  name: string;
  command: string;
  onPath?: { prefix?: string; kubectl?: string; pgDump?: string };
}

/** What one executable does under each of its names. */
export type Role = 'main' | 'kubectl' | 'pgDump';

/** By role; the names of two products differ, since both are made of the product's own command. */
export function pathNames({ command, onPath = {} }: NamedProduct): Record<Role, string> {
  const { kubectl = `${command}_kubectl`, pgDump = `${command}_pgdump` } = onPath;
  return { main: command, kubectl, pgDump };
}

/** The role of a program's name; undefined for a name that this product does not have. */
export function roleOf(name: string, product: NamedProduct): Role | undefined {
  const names = pathNames(product);
  return (Object.keys(names) as Role[]).find((role) => names[role] === name);
}

const ending = '-activated';

/** Name of the link to the active executable; the target of the links of all names. */
export const activeName = 'active';

/** Where `activate` puts what belongs to a product. */
export interface PathPlaces {
  prefix: string;
  /** Folder with a launcher for each name. */
  bin: string;
  /** Our own folder: a link for each name, the link that they all follow, copies of the executable. */
  folder: string;
  /** The one link that says which executable is active; the names' links lead to it. */
  active: string;
}

export function pathPlaces({ name, onPath }: NamedProduct): PathPlaces {
  const prefix = onPath?.prefix ?? '/usr/local';
  const folder = join(prefix, 'lib', name + ending);
  return { prefix, bin: join(prefix, 'bin'), folder, active: join(folder, activeName) };
}

/** Files for shells and `man`, of a name on PATH. */
export const shareFiles = {
  bash: (prefix: string, name: string) => join(prefix, 'share/bash-completion/completions', name),
  zsh: (prefix: string, name: string) => join(prefix, 'share/zsh/site-functions', `_${name}`),
  fish: (prefix: string, name: string) => join(prefix, 'share/fish/vendor_completions.d', `${name}.fish`),
  man: (prefix: string, page: string) => join(prefix, 'share/man/man8', `${page}.8`),
} as const;
