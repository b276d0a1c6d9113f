import { readRows } from '../proofs/memory.ts';
import type { Page, Row } from '../proofs/page.ts';
import { sourceHash } from '../proofs/sources.ts';
import type { GraphName } from './journal-places.ts';
import { trialsOf } from './trials.ts';

/** docs/crash-matrix.md: the places of the graphs, and the random instants that were tried. */

const terms = { cases: 'places', passed: 'survived' };
const idsOf = (graph: GraphName) => trialsOf(graph).map(({ id }) => id);

/** Titles of the page's parts. */
export const sections = {
  upgrade: 'Upgrade',
  install: 'Install',
  rollback: 'Rollback',
  uninstall: 'Uninstall',
  restore: 'Restore',
  rehearse: 'Rehearsal',
  'random upgrade': 'Random instants of an upgrade',
  'random install': 'Random instants of an install',
  'random rollback': 'Random instants of a rollback',
  'random uninstall': 'Random instants of an uninstall',
  'random restore': 'Random instants of a restore',
  'random rehearse': 'Random instants of a rehearsal',
} as const;

export const crashPage = (): Page => ({
  file: 'crash-matrix.md',
  title: 'The crash matrix',
  command: 'npm run test:crash',
  about:
    'The command is killed with SIGKILL at each place that its journal ' +
    'names, on a clone of an installed host (a bare one for the ' +
    'install), and typed again. It survived when that ended well ' +
    'and nothing differs from a run that nobody disturbed; ' +
    'see [testing.md](testing.md). `process`: `ivaap` alone was ' +
    'killed, `tree`: all that it had started as well. ' +
    'A row holds for the sources (src/, payload-spec/, test/lab/) with the hash that it names.',
  terms,
  columns: [{ name: 'killed' }, { name: 'what the next run found', code: true }],
  sections: [
    { title: sections.upgrade, ids: idsOf('upgrade') },
    { title: sections.install, ids: idsOf('install') },
    { title: sections.rollback, ids: idsOf('rollback') },
    { title: sections.uninstall, ids: idsOf('uninstall') },
    { title: sections.restore, ids: idsOf('restore') },
    { title: sections.rehearse, ids: idsOf('rehearse') },
    { title: sections['random upgrade'] },
    { title: sections['random install'] },
    { title: sections['random rollback'] },
    { title: sections['random uninstall'] },
    { title: sections['random restore'] },
    { title: sections['random rehearse'] },
  ],
});

/** What is known of a place with today's sources. */
export function validRows(graph: GraphName): Map<string, Row> {
  const hash = sourceHash();
  const rows = readRows(crashPage(), hash)[sections[graph]] ?? [];
  return new Map(rows.filter((row) => row.hash === hash).map((row) => [row.id, row]));
}
