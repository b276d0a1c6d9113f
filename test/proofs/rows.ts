import { commitHash } from './commit.ts';
import { drawn } from './draw.ts';

/** Set by `scripts/run-suite.ts` for files that were named. */
export const wholeTables = 'WHOLE_TABLES';

/** A third of a table's rows, which take seconds each, drawn by the commit; all where its file was named. */
export const rowsOfTheCommit = <Row>(rows: readonly Row[]): readonly Row[] =>
  process.env[wholeTables] === undefined ? drawn(rows, Math.ceil(rows.length / 3), commitHash()) : rows;
