import { type HostValues, notesBetween, type ToldNotes, toldNotes } from '../policy/release-notes.ts';
import { computeOverlay, valueAt } from '../policy/values-patches.ts';
import type { UpgradeContext } from './context.ts';

export type NotesContext = Pick<UpgradeContext, 'release' | 'product' | 'from' | 'to' | 'values'>;

/** The notes of the releases that an upgrade passes, and what they mean for the operator's values file. */
export function upgradeNotes({ release, product, from, to, values }: NotesContext): ToldNotes[] {
  const overlay = computeOverlay(values.root, release.valuesPatches).values;
  const { autoMigrate } = product.values;
  const host: HostValues = {
    own: values.root,
    overlay,
    migrates:
      autoMigrate === undefined
        ? undefined
        : String(valueAt(overlay, autoMigrate.path) ?? valueAt(values.root, autoMigrate.path)) ===
          autoMigrate.on,
  };
  return toldNotes(notesBetween(release.notes, { from, to }), host);
}
