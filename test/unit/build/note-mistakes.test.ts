import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { readReleaseSpec, SpecError } from '../../../build/spec-file.ts';
import { writeTinySpec } from '../../fixtures/tiny-payload.ts';

/** What the packer refuses of release notes, each with its line. */

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'note-mistakes-'));
});
after(() => rmSync(folder, { recursive: true }));

interface Variant {
  notes: unknown;
  /** The values template; by default it has the host alone. */
  template?: string;
  /** Undefined: it is taken. */
  refused?: RegExp;
  /** A text on the line that is named. */
  line?: string;
}

const note = (more: object, version = '2026.1') => [{ version, ...more }];
const key = (more: object) => note({ breaking: [{ path: ['old'], todo: 'remove it', ...more }] });

const variants: Record<string, Variant> = {
  'notes of this and an older release': {
    notes: [...note({ lines: ['x'] }), ...note({ lines: ['y'] }, '2025.9')],
  },
  'a version that does not parse': {
    notes: note({}, '26.1'),
    refused: /the version of these notes is "26\.1", which is not a version of the form/,
    line: 'version: "26.1"',
  },
  'a version newer than the release': {
    notes: note({}, '2026.2'),
    refused: /notes of 2026\.2, which is newer than the release 2026\.1/,
    line: 'version: "2026.2"',
  },
  'one version twice, in two spellings': {
    notes: [...note({}), ...note({}, '2026.1.0')],
    refused: /the notes of 2026\.1\.0 come twice/,
    line: '2026.1.0',
  },
  'an unknown key of a note': { notes: note({ breakings: [] }), refused: /[Uu]nrecognized key.*breakings/ },
  'an unknown key of a breaking key': {
    notes: key({ replaceBy: ['b'] }),
    refused: /[Uu]nrecognized key.*replaceBy/,
  },
  'an unknown kind of migration': {
    notes: note({ migration: { kind: 'two-way', text: 'x' } }),
    refused: /migration\.kind/,
    line: 'two-way',
  },
  'no word of what to do': { notes: key({ todo: '' }), refused: /todo/, line: 'todo' },
  'a path without keys': { notes: key({ path: [] }), refused: /path/, line: 'path' },
  'a control character': { notes: note({ lines: ['a\u001b[31m'] }), refused: /lines\.0/ },
  'a key that the template still has': {
    notes: key({}),
    template: 'host: "{{fqdn}}"\nold: 1\n',
    refused: /the values template still has old: a fresh install/,
  },
  'a key that the template has no more': { notes: key({}), template: 'host: "{{fqdn}}"\nolder: 1\n' },
  'an old value that the template has replaced': {
    notes: key({ equals: 'x' }),
    template: 'host: "{{fqdn}}"\nold: y\n',
  },
  'an old value that the template still has': {
    notes: key({ equals: 'x' }),
    template: 'host: {{fqdn}}\r\nold: x\r\n',
    refused: /the values template still has old/,
  },
  'a needed key that the template lacks': {
    notes: key({ absent: true }),
    refused: /the values template has no old: a fresh install/,
  },
  'a needed key with a successor': {
    notes: key({ absent: true, replacedBy: ['b'] }),
    template: 'host: "{{fqdn}}"\nold: 1\n',
    refused: /a key that must be set has none that replaces it/,
  },
  'two conditions of one key': {
    notes: key({ absent: true, equals: 1 }),
    template: 'old: 2',
    refused: /equals and absent exclude each other/,
  },
  'a key that replaces itself': { notes: key({ replacedBy: ['old'] }), refused: /old is replaced by itself/ },
  'a key twice': {
    notes: note({
      breaking: [
        { path: ['old'], todo: 'x' },
        { path: ['old'], todo: 'y' },
      ],
    }),
    refused: /old comes twice/,
  },
  'two old values of one key': {
    notes: note({
      breaking: [
        { path: ['old'], equals: 1, todo: 'x' },
        { path: ['old'], equals: 2, todo: 'y' },
      ],
    }),
  },
  'a staged migration without a switch': {
    notes: note({ migration: { kind: 'staged', text: 'x' } }),
    refused: /values\.autoMigrate is missing/,
    line: 'migration:',
  },
  'a one-way migration that blocks': {
    notes: note({ migration: { kind: 'one-way', text: 'x', blocks: true } }),
    refused: /only a staged migration can block/,
    line: 'migration:',
  },
};

for (const [name, { notes, template, refused, line }] of Object.entries(variants)) {
  test(`the packer on notes with ${name}`, () => {
    const path = writeTinySpec(folder, {
      editSpec: (spec) => Object.assign(spec['release'] as object, { notes }),
      editFiles: (at) => {
        if (template !== undefined) writeFileSync(join(at, 'template.yaml'), template);
      },
    });
    if (refused === undefined) {
      assert.equal(readReleaseSpec(path).spec.value.release.notes.length, (notes as unknown[]).length);
      return;
    }
    assert.throws(
      () => readReleaseSpec(path),
      (error) => {
        assert.ok(error instanceof SpecError);
        assert.match(error.message, refused);
        const named = error.message.split('\n').find((text) => refused.test(text)) ?? '';
        const at = Number(/^.*?:(\d+): /.exec(named)?.[1]);
        const text = readFileSync(path, 'utf8').split('\n')[at - 1] ?? '';
        if (line !== undefined) assert.ok(text.includes(line), `${named} names the line "${text}"`);
        return true;
      },
    );
  });
}

test('a version is packed in its shortest form', () => {
  const path = writeTinySpec(folder, {
    editSpec: (spec) => Object.assign(spec['release'] as object, { notes: note({}, '2026.1.0') }),
  });
  assert.deepEqual(
    readReleaseSpec(path).spec.value.release.notes.map(({ version }) => version),
    ['2026.1'],
  );
});
