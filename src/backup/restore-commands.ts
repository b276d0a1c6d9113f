import type { PgDump } from './dump-record.ts';

/**
 * The command that goes back to a dump and its release, as lines for people. They are made from the record
 * alone, so they can be printed again at any time.
 */
export function wayBack(dump: PgDump, release: string, program: string): string[] {
  return [
    `To go back to ${release}, with the database as it was at ` +
      `${dump.takenAt} (the current one is kept under another name):`,
    `  ${program} restore`,
    'It shows what is at stake and asks before it changes anything. It may be run again.',
  ];
}
