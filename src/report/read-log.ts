import { type EngineEvent, eventSchemas, eventsVersion } from '../engine/events.ts';
import type { LogLine } from '../engine/run-log-tail.ts';
import { openRegular } from '../host/regular-file.ts';

/** What could not be read of a log: a report says so. */
export interface LogGaps {
  /** Lines that are no event: cut off, or of another program. */
  foreign: number;
  /** Types of events that a newer program wrote. */
  unknown: Set<string>;
  /** Events of a known type that are not as this program knows them. */
  unread: number;
  /** Lines that are longer than any event. */
  long: number;
  /** The last line has no end: its writer was stopped in the middle of it, or is still writing. */
  cut: boolean;
  /** Another major version of the events. */
  version: string | undefined;
}

const longestLine = 16 * 1024 * 1024;

/** What programs say and how far they are: most of a log, and nothing of a report. */
const passed = /^\{"type":"(step\.log|step\.progress|task\.progress|program\.log|program\.ended)"/;

const schemas = new Map(eventSchemas.map((schema) => [schema.shape.type.value as string, schema]));

/**
 * Calls `take` with each line of a log that a report is made of, in their order. A log may have any size: one
 * line is held at a time. Throws where the file cannot be read.
 */
export async function readLog(path: string, take: (line: LogLine) => void): Promise<LogGaps> {
  const gaps: LogGaps = {
    foreign: 0,
    unknown: new Set(),
    unread: 0,
    long: 0,
    cut: false,
    version: undefined,
  };
  const file = await openRegular(path);
  let parts: Buffer[] = [];
  let bytes = 0;
  const add = (part: Buffer) => {
    bytes += part.length;
    if (bytes <= longestLine) parts.push(part);
  };
  const end = () => {
    if (bytes > longestLine) gaps.long += 1;
    else if (bytes > 0 && !passed.test(parts[0]?.toString('latin1', 0, 40) ?? ''))
      parse(Buffer.concat(parts).toString('utf8'), gaps, take);
    parts = [];
    bytes = 0;
  };
  try {
    for await (const chunk of file.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, start)) {
        add(chunk.subarray(start, at));
        end();
        start = at + 1;
      }
      if (start < chunk.length) add(chunk.subarray(start));
    }
  } finally {
    await file.close();
  }
  if (bytes > 0) gaps.cut = true;
  return gaps;
}

function parse(text: string, gaps: LogGaps, take: (line: LogLine) => void): void {
  if (text.trim() === '') return;
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    gaps.foreign += 1;
    return;
  }
  const { type, at } = (typeof line === 'object' && line !== null ? line : {}) as Record<string, unknown>;
  if (typeof type !== 'string' || typeof at !== 'string' || Number.isNaN(Date.parse(at))) {
    gaps.foreign += 1;
  } else if (type === 'LOG' || type === 'RESULT') {
    if (isFrame(line as Record<string, unknown>)) take(line as LogLine);
    else gaps.unread += 1;
  } else if (!schemas.has(type)) gaps.unknown.add(type);
  else {
    const event = asKnown(type, line as Record<string, unknown>, gaps);
    if (event === undefined) gaps.unread += 1;
    else take(event);
  }
}

const isFrame = ({ type, by, pid, status, exitCode, message = '' }: Record<string, unknown>): boolean =>
  type === 'LOG'
    ? typeof by === 'string' && typeof pid === 'number'
    : typeof status === 'string' && typeof exitCode === 'number' && typeof message === 'string';

/** The event without the fields that a newer minor version has added. */
function asKnown(type: string, line: Record<string, unknown>, gaps: LogGaps): EngineEvent | undefined {
  const schema = schemas.get(type);
  if (type === 'run.started') {
    const { version } = line;
    if (String(version).split('.')[0] !== eventsVersion.split('.')[0]) gaps.version = String(version);
    line['version'] = eventsVersion;
  }
  let found = schema?.safeParse(line);
  for (let tries = 0; found?.success === false && tries < 8; tries += 1) {
    const added = found.error.issues.filter(({ code }) => code === 'unrecognized_keys');
    if (added.length === 0) return undefined;
    for (const issue of added) {
      const holder = issue.path.reduce<unknown>((value, key) => (value as never)?.[key as never], line);
      for (const key of 'keys' in issue ? issue.keys : []) delete (holder as Record<string, unknown>)[key];
    }
    found = schema?.safeParse(line);
  }
  return found?.success === true ? found.data : undefined;
}
