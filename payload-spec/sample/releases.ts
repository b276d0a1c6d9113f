import { releaseSchema } from '../../src/payload/product-schema.ts';
import type { Release } from '../../src/payload/product-schema.ts';

/** A release of the sample: what its payload says of it, and which code it is made from. */
export interface SampleRelease {
  facts: Release;
  /**
   * The release whose services and chart this one carries: its own, or another's under a new version number.
   */
  codeOf: string;
  /** Folder with files that replace those of `chart/`, and a values template next to them. */
  chartOverlay?: string;
  /** It is built only for a test that names it: its programs come from another suite of Debian. */
  onDemand?: true;
}

const postgresMajor = 15;

/**
 * 2026.1 named the setting `units`; the operator's choice must survive into releases that call it
 * `unitSystem`.
 */
const unitSystemPatch = {
  id: 'backend-unit-system',
  why:
    'backend.units of 2026.1 is now backend.unitSystem; ' +
    'without it the backend would change to metric units',
  when: [
    { path: ['backend', 'units'], equals: 'imperial' },
    { path: ['backend', 'unitSystem'], absent: true },
  ],
  set: [{ path: ['backend', 'unitSystem'], value: 'field' }],
};

const notesOf2026_2 = {
  version: '2026.2',
  breaking: [
    {
      path: ['backend', 'units'],
      todo: 'imperial is now field, metric stays metric; until you change it, imperial is taken over for you',
      replacedBy: ['backend', 'unitSystem'],
    },
  ],
  migration: {
    kind: 'one-way',
    text:
      'keeps depths in metres and locations as two numbers; 2026.1 cannot read them any more, ' +
      'and 2026.2 also works before the migration',
  },
  lines: ['Depths are given out in the unit of backend.unitSystem.'],
};

const notesOf2027_1 = {
  version: '2027.1',
  migration: {
    kind: 'one-way',
    text: 'keeps operators in a table of their own; 2027.1 does not work before the migration',
  },
  lines: ['An operator is stored once, however many wells name it.'],
};

const sources: Record<string, Omit<SampleRelease, 'facts'> & { facts: object }> = {
  // Older than any release that an upgrade accepts.
  '2025.9': {
    facts: { schema: { min: 3, target: 3 }, postgresMajor },
    codeOf: '2026.1',
    chartOverlay: 'chart-2026.1',
  },
  '2026.1': {
    facts: { schema: { min: 3, target: 3 }, postgresMajor },
    codeOf: '2026.1',
    chartOverlay: 'chart-2026.1',
  },
  // Works with the schema of 2026.1 too, so that its rollout and its migration can be two maintenance
  // windows.
  '2026.2': {
    facts: {
      schema: { min: 3, target: 5 },
      postgresMajor,
      valuesPatches: [unitSystemPatch],
      notes: [notesOf2026_2],
    },
    codeOf: '2026.2',
  },
  // 2026.2 on the next server.
  '2026.3': {
    facts: {
      schema: { min: 3, target: 5 },
      postgresMajor: 17,
      valuesPatches: [unitSystemPatch],
      notes: [notesOf2026_2, { version: '2026.3', lines: ['The database is PostgreSQL 17.'] }],
    },
    codeOf: '2026.2',
    onDemand: true,
  },
  '2027.1': {
    facts: {
      schema: { min: 6, target: 6 },
      postgresMajor,
      valuesPatches: [unitSystemPatch],
      notes: [notesOf2026_2, notesOf2027_1],
    },
    codeOf: '2027.1',
  },
  // Two majors after 2026.
  '2028.1': {
    facts: {
      schema: { min: 6, target: 6 },
      postgresMajor,
      valuesPatches: [unitSystemPatch],
      notes: [notesOf2026_2, notesOf2027_1],
    },
    codeOf: '2027.1',
  },
};

/** Those that are built without being named. */
export const sampleVersions = Object.keys(sources).filter((version) => sources[version]?.onDemand !== true);

/** Throws when the sample has no such release. */
export function sampleRelease(version: string): SampleRelease {
  const source = sources[version];
  if (!source) throw new Error(`no sample release ${version}; there are ${sampleVersions.join(', ')}`);
  return { ...source, facts: releaseSchema.parse({ version, ...source.facts }) };
}
