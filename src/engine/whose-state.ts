import { IvaapError } from '../errors.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { recordedScheme, schemeForms, schemeOf, type Versioned, type VersionScheme } from '../version.ts';
import type { Disk } from './disk.ts';
import { readState, type State } from './state.ts';

/** Whose a state has to be, and how its releases have to be counted. */
export interface Owner {
  product: string;
  scheme: VersionScheme;
}

export const ownerOf = (product: Versioned & { name: string }): Owner => ({
  product: product.name,
  scheme: schemeOf(product),
});

/**
 * Reads a state as `readState` does; throws `preflight` too for that of another product, and `version` for
 * one whose releases are counted by another scheme.
 */
export async function readStateOf(
  { product, scheme }: Owner,
  path: string,
  disk?: Disk,
): Promise<State | undefined> {
  const state = await readState(path, disk);
  assertProduct(state, path, product);
  assertScheme(state, path, scheme);
  return state;
}

/** Throws IvaapError `preflight` for the state of another product. */
export function assertProduct(state: State | undefined, path: string, product: string): void {
  if (state === undefined || state.product === product) return;
  throw new IvaapError('preflight', `the state file ${path} belongs to ${state.product}, not to ${product}`);
}

/** Throws IvaapError `version` for a state whose releases are counted by another scheme: none is older. */
function assertScheme(state: State | undefined, path: string, scheme: VersionScheme): void {
  if (state === undefined) return;
  const recorded = recordedScheme(state);
  if (recorded === scheme) return;
  const { installed, run } = state;
  const version = installed?.version ?? run?.to;
  const binary = installed?.binary ?? run?.binary;
  const records = version === undefined ? 'has' : `records ${version}, and has`;
  throw new IvaapError(
    'version',
    `the state file ${path} ${records} versions of the form ${schemeForms[recorded]} (${recorded}); this ` +
      `package has ${schemeForms[scheme]} (${scheme}), and the two cannot be compared. Nothing was changed`,
    {
      hint:
        binary === undefined
          ? `use a package whose versions are of the form ${schemeForms[recorded]}`
          : `the program that wrote it: ${asRoot(`${shellWord(binary)} status`)}`,
    },
  );
}
