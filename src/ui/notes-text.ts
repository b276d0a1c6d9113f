import { isToChange, type ToldKey, type ToldNotes } from '../policy/release-notes.ts';

/** Release notes as lines, a release after the other; two spaces of indent for each level. */
export function notesLines(notes: readonly ToldNotes[]): string[] {
  return notes.flatMap(({ version, breaking, migration, lines }) => [
    version,
    ...breaking.map((one) => `  ${keyLine(one)}`),
    ...(migration === null ? [] : [`  ${migrationLine(migration)}`]),
    ...lines.map((line) => `  ${line}`),
  ]);
}

const condition = ({ when, equals }: ToldKey): string =>
  when === 'absent' ? 'must be set' : when === 'equals' ? `= ${JSON.stringify(equals)}` : '';

const yoursText = {
  affected: () => ' (in your values file)',
  'taken over': ({ key }: ToldKey) => ` (your file still has ${key}, a values patch sets the new key)`,
  replaced: () => ' (replaced in your values already)',
  'not affected': () => ' (not in your values file)',
};

/** Of a key that has to be set. */
const missingText = {
  affected: ' (missing in your values file)',
  'taken over': ' (not in your values file, a values patch sets it)',
  replaced: ' (set already)',
  'not affected': ' (set already)',
};

function keyLine(key: ToldKey): string {
  const about = [key.key, condition(key)].filter((text) => text !== '').join(' ');
  const instead = key.replacedBy === null ? '' : ` -> ${key.replacedBy}`;
  const blocks = key.blocks ? ', blocks' : '';
  const isMissing = key.when === 'absent';
  const yours = key.yours === null ? '' : isMissing ? missingText[key.yours] : yoursText[key.yours](key);
  return `${isToChange(key) ? '! ' : ''}values${blocks}: ${about}${instead}${yours}: ${key.todo}`;
}

function migrationLine({ kind, text, yours, blocks }: NonNullable<ToldNotes['migration']>): string {
  const mark = kind === 'staged' && yours === 'at once' ? '! ' : '';
  const when = yours === null ? '' : yours === 'at once' ? ' (in this run)' : ' (not in this run)';
  return `${mark}${kind} migration${blocks ? ', blocks' : ''}${when}: ${text}`;
}
