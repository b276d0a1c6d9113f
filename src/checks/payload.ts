import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { Check } from './check.ts';

/** The scan has read the complete file before: damage ends a command with its own exit code. */
export const payload: Check = {
  id: 'payload',
  kind: 'guard',
  title: 'Payload intact',
  limit: 'every byte as it was packed',
  why: 'damage would otherwise be found in the middle of the run',
  fix: 'copy the file again and verify it',
  timeoutSeconds: 30,
  flows: ['install', 'upgrade'],
  measure: ({ index }) => ({
    outcome: 'ok',
    measured:
      `${formatBytes(index.fileSize)} in ` +
      `${counted(index.chunks.hashes.length, 'chunk')}, all ` +
      'as packed',
    data: { bytes: index.fileSize },
  }),
};
