import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a host printed for the lines of a story, without what differs from one run to the next. */

const volatile: readonly [RegExp, string][] = [
  [/\u001B\[[0-?]*[ -/]*[@-~]/g, ''],
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ?/gm, ''],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?( UTC)?/g, 'TIME'],
  [/\b\d{8}T\d{6}(\d{3})?Z?(-\w+)?\b/g, 'STAMP'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, 'UID'],
  [/\b(adminserver|backend|dashboard|connector-\w+)-[0-9a-z]{6,10}-[0-9a-z]{5}\b/g, '$1-POD'],
  [/\b(?=\w*\d)[0-9a-f]{10,64}\b/g, 'HEX'],
  [/\b\d+\.\d+\.\d+\.\d+(:\d+)?\b/g, 'ADDRESS'],
  [/\b\d+(\.\d+)? (B|[KMGT]iB|bytes)\b/g, 'SIZE'],
  [/\b(\d+[dhms])+\b/g, 'AGE'],
  [/\b(\d+(\.\d+)? ?(ms|s|min|m|h|d|days)\b ?)+/g, 'AGE '],
  [/\bRunning +\d+( \(AGE +ago\))?/g, 'Running N'],
  [/\bPostgreSQL (\d+)\.\d+\b/g, 'PostgreSQL $1.N'],
  [/[ \t]+/g, ' '],
  [/ +$/gm, ''],
];

const withoutVolatile = (text: string): string =>
  volatile.reduce((kept, [pattern, name]) => kept.replaceAll(pattern, name), text);

/** A kept file of commands and their output; the one of this run is beside it in dist/. */
export class Transcript {
  readonly #name: string;
  #text = '';

  constructor(name: string) {
    this.#name = name;
  }

  add(line: string, exit: number, said: string): void {
    const shown = withoutVolatile(said).trim();
    this.#text += `$ ${line}\n${shown === '' ? '' : `${shown}\n`}[exit ${exit}]\n\n`;
  }

  /** Throws where this run said something else than what is kept, wherever the lines were wrapped. */
  assertKept(): void {
    const root = join(import.meta.dirname, '../..');
    const [now, kept] = [`dist/${this.#name}`, `test/e2e/${this.#name}`];
    mkdirSync(join(root, 'dist'), { recursive: true });
    writeFileSync(join(root, now), this.#text);
    const before = readFileSync(join(root, kept), 'utf8');
    const words = (text: string) => text.split(/\s+/).join(' ');
    if (words(before) === words(this.#text)) return;
    assert.equal(this.#text, before, `where the new output is right: cp ${now} ${kept}`);
  }
}
