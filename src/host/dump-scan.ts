import { createHash, type Hash } from 'node:crypto';
import { IvaapError } from '../errors.ts';
import { RowSum } from './row-sum.ts';

/** A table as a COPY statement names it, quoted where it must be, with its rows in the text of a dump. */
export interface TableRows {
  table: string;
  rows: number;
  /** Over the rows in any order, as COPY writes them: 16 hex digits. */
  checksum: string;
}

export interface DumpSummary {
  sizeBytes: number;
  /** Hex, of the bytes as they came. */
  sha256: string;
  tables: TableRows[];
  totalRows: number;
  /** Values of sequences and large objects, as if each kind were a table. */
  objects: TableRows[];
  /** The text's encoding, as PostgreSQL names it; undefined where the text does not say. */
  encoding: string | undefined;
}

const newline = 0x0a;
const backslash = 0x5c;
const dot = 0x2e;
const lineStart = {
  value: 'SELECT pg_catalog.setval(',
  open: 'SELECT pg_catalog.lo_open(',
  close: 'SELECT pg_catalog.lo_close(',
} as const;
/** Of a line, as much as is ever looked at; a row may be hundreds of megabytes long. */
const keptBytes = 4096;
/**
 * `COPY schema."quoted "" name" (columns) FROM stdin;`: of a table with many columns it is longer than what
 * is kept.
 */
const tableName = /^COPY ((?:"(?:[^"]|"")*"|[^"\s(])+)/;
const copyEnd = ' FROM stdin;';
/** First bytes of such lines. */
const leavingStarts = [...Buffer.from('\\ACDacd')];
const leaving = /^(\\(?!restrict |unrestrict |\.$)|(CREATE|ALTER|DROP) DATABASE\b)/i;
/** PostgreSQL 17 names them by their numbers, of one or of many. */
const objectsLine = /^-- Data for Name: (?:BLOBS|\d+(?:\.\.\d+)?); Type: BLOBS; /;
const encodingLine = /^SET client_encoding = '([A-Za-z0-9_]+)';$/;

/**
 * Reads a plain-text pg_dump as it streams past: rows in its COPY blocks with their checksums, bytes,
 * SHA-256, and whether it came to its proper end. The end is the comment "PostgreSQL database dump complete",
 * and, where the dump started with `\restrict KEY` (15.14 and later), `\unrestrict KEY` after it. A dump that
 * was cut off anywhere lacks it.
 */
export class DumpScan {
  readonly #hash: Hash = createHash('sha256');
  readonly #tables: TableRows[] = [];
  #sizeBytes = 0;
  #kept: Buffer[] = [];
  #keptLength = 0;
  #lineLength = 0;
  /** Last bytes of a line that comes in pieces. */
  #tail = '';
  /** The start of a COPY statement that has not ended yet: a name may hold the end of a line. */
  #copy: string | undefined;
  #copying: { table: string; rows: number; sum: RowSum } | undefined;
  /** Only a "Data for Name" comment announces a COPY block: the text of a function may hold the same text. */
  #announced = false;
  /** What the last comment has announced, as a COPY block is. */
  #value = false;
  #largeObjects = false;
  /** A large object is one row of several lines, which has not ended yet. */
  #inObject = false;
  readonly #objects = {
    values: { table: 'the list of sequences', rows: 0, sum: new RowSum() },
    large: { table: 'the list of large objects', rows: 0, sum: new RowSum() },
  };
  #encoding: string | undefined;
  #leaves: string | undefined;
  #restrictKey: string | undefined;
  #complete = false;
  #unrestricted = false;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /**
   * The first line, as much as is kept of it, that would be done outside of the database into which it is
   * loaded: a command of psql, or a statement on a whole database. pg_dump writes none of them for one.
   */
  get leaves(): string | undefined {
    return this.#leaves;
  }

  /** Whether its last line has come. */
  get ended(): boolean {
    return this.#complete && (this.#restrictKey === undefined || this.#unrestricted);
  }

  update(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.#sizeBytes += chunk.length;
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end === -1) break;
      if (this.#lineLength > 0) {
        this.#keep(chunk, start, end);
        this.#line(Buffer.concat(this.#kept), 0, this.#keptLength, this.#lineLength, this.#tail);
        this.#kept = [];
        this.#keptLength = 0;
        this.#lineLength = 0;
        this.#tail = '';
      } else this.#line(chunk, start, end, end - start);
      start = end + 1;
    }
    this.#keep(chunk, start, chunk.length);
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    this.#lineLength += end - start;
    if (this.#copying !== undefined) this.#copying.sum.add(chunk, start, end);
    else if (this.#inObject) this.#objects.large.sum.add(chunk, start, end);
    if (this.#announced) this.#tail = (this.#tail + endOf(chunk, start, end)).slice(-copyEnd.length);
    const take = Math.min(end - start, keptBytes - this.#keptLength);
    if (take <= 0) return;
    this.#kept.push(Buffer.from(chunk.subarray(start, start + take)));
    this.#keptLength += take;
  }

  #line(buffer: Buffer, start: number, end: number, length: number, tail?: string): void {
    if (this.#copying !== undefined) {
      const { table, rows, sum } = this.#copying;
      if (length === 2 && buffer[start] === backslash && buffer[start + 1] === dot) {
        this.#tables.push({ table, rows, checksum: sum.text });
        this.#copying = undefined;
        this.#announced = false;
        return;
      }
      // What came in pieces was added piece by piece.
      if (tail === undefined) sum.add(buffer, start, end);
      sum.end();
      this.#copying.rows += 1;
      return;
    }
    const starts = (word: string) => buffer.toString('latin1', start, start + word.length) === word;
    const { values, large } = this.#objects;
    if (this.#inObject) {
      if (tail === undefined) large.sum.add(buffer, start, end);
      if (!starts(lineStart.close)) return;
      large.sum.end();
      large.rows += 1;
      this.#inObject = false;
      return;
    }
    const text = () => buffer.toString('utf8', start, Math.min(end, start + keptBytes));
    const first = buffer[start];
    if (first !== undefined && leavingStarts.includes(first)) this.#mayLeave(text());
    if (this.#copy !== undefined || (this.#announced && first === 0x43)) {
      this.#copyStatement(length === 0 ? '' : text(), tail ?? endOf(buffer, start, end));
    } else if (length <= keptBytes && (first === 0x2d || first === backslash)) this.#statement(text());
    else if (first === 0x53 && this.#value && starts(lineStart.value)) {
      values.sum.add(buffer, start, end);
      values.sum.end();
      values.rows += 1;
      this.#value = false;
    } else if (first === 0x53 && this.#largeObjects && starts(lineStart.open)) {
      large.sum.add(buffer, start, end);
      this.#inObject = true;
    } else if (first === 0x53) this.#encoding ??= encodingLine.exec(text())?.[1];
  }

  #mayLeave(line: string): void {
    if (leaving.test(line)) this.#leaves ??= line;
  }

  #copyStatement(line: string, tail: string): void {
    const statement = this.#copy === undefined ? line : `${this.#copy}\n${line}`.slice(0, keptBytes);
    if (!statement.startsWith('COPY ')) return;
    if (tail !== copyEnd) {
      this.#copy = statement;
      return;
    }
    this.#copy = undefined;
    this.#copying = { table: tableName.exec(statement)?.[1] ?? '?', rows: 0, sum: new RowSum() };
  }

  #statement(line: string): void {
    if (line.startsWith('-- Data for Name: ')) {
      this.#announced = true;
      this.#largeObjects ||= objectsLine.test(line);
    } else if (line.startsWith('-- Name: ')) this.#value = line.includes('; Type: SEQUENCE SET; ');
    else if (line === '-- PostgreSQL database dump complete') this.#complete = true;
    else if (line.startsWith(String.raw`\restrict `)) this.#restrictKey ??= line.slice(10);
    else if (line.startsWith(String.raw`\unrestrict `)) {
      this.#unrestricted = this.#complete && line.slice(12) === this.#restrictKey;
    }
  }

  /** Call after the last byte. Throws 'failed' when the dump is incomplete. */
  finish(): DumpSummary {
    const refuse = (why: string) =>
      new IvaapError('failed', `the database dump is incomplete: ${why}`, {
        hint: 'check the database pod and the free disk space, then run the same command again',
      });
    if (this.#sizeBytes === 0) throw refuse('it is empty');
    if (this.#copying !== undefined)
      throw refuse(`it ends in the middle of the rows of ${this.#copying.table}`);
    if (!this.#complete) throw refuse('its last line is missing');
    if (this.#lineLength > 0) throw refuse('its last line is cut off');
    if (this.#restrictKey !== undefined && !this.#unrestricted) {
      throw refuse(String.raw`its last line, \unrestrict, is missing`);
    }
    return {
      sizeBytes: this.#sizeBytes,
      sha256: this.#hash.digest('hex'),
      tables: this.#tables,
      totalRows: this.#tables.reduce((sum, { rows }) => sum + rows, 0),
      objects: Object.values(this.#objects).map(({ table, rows, sum }) => ({
        table,
        rows,
        checksum: sum.text,
      })),
      encoding: this.#encoding,
    };
  }
}

const endOf = (buffer: Buffer, start: number, end: number): string =>
  buffer.toString('latin1', Math.max(start, end - copyEnd.length), end);
