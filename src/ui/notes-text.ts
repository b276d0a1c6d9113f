import type { ToldKey, ToldNotes } from '../policy/release-notes.ts';

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
  affected: ' (in your values file)',
  replaced: ' (replaced in your values already)',
  'not affected': ' (not in your values file)',
};

function keyLine(key: ToldKey): string {
  const mark = key.yours === 'affected' ? '! ' : '';
  const about = [key.key, condition(key)].filter((text) => text !== '').join(' ');
  const instead = key.replacedBy === null ? '' : ` -> ${key.replacedBy}`;
  const blocks = key.blocks ? ', blocks' : '';
  const isMissing = key.when === 'absent' && key.yours !== null;
  const yours = isMissing
    ? key.yours === 'affected'
      ? ' (missing in your values file)'
      : ' (set already)'
    : key.yours === null
      ? ''
      : yoursText[key.yours];
  return `${mark}values${blocks}: ${about}${instead}${yours}: ${key.todo}`;
}

function migrationLine({ kind, text, yours, blocks }: NonNullable<ToldNotes['migration']>): string {
  const mark = kind === 'staged' && yours === 'at once' ? '! ' : '';
  const when = yours === null ? '' : yours === 'at once' ? ' (in this run)' : ' (not in this run)';
  return `${mark}${kind} migration${blocks ? ', blocks' : ''}${when}: ${text}`;
}
