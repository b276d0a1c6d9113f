type Rows = Record<string, number>;

/** What only a step knows and a run's report shows: an event of events.ts; the engine adds the step to it. */
export type StepFact =
  | {
      type: 'dump.taken';
      path: string;
      sizeBytes: number;
      sha256: string;
      takenAt: string;
      schemaVersion?: number;
      tables?: Rows | undefined;
    }
  | { type: 'dump.restored'; path: string; sha256: string; into: string }
  | { type: 'schema.found'; schemaVersion: number }
  | { type: 'rows.counted'; when: 'before' | 'after'; tables: Rows };
