import { counted } from './counted.ts';
import { formatBytes } from './format-bytes.ts';

/** What is known of kept data: older records have neither rows nor size. */
interface AboutKept {
  version: string;
  rows?: number | null | undefined;
  sizeBytes?: number | null | undefined;
  keptAt: string;
}

/** Which data they are: `release 2026.1, 1000 rows, 40 MiB, kept at 2026-01-01T00:00:00Z`. */
export function keptText({ version, rows, sizeBytes, keptAt }: AboutKept): string {
  return [
    `release ${version}`,
    ...(rows == null ? [] : [counted(rows, 'row')]),
    ...(sizeBytes == null ? [] : [formatBytes(sizeBytes)]),
    `kept at ${keptAt.replace(/\.\d+Z$/, 'Z')}`,
  ].join(', ');
}
