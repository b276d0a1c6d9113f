import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { State } from '../../engine/state.ts';
import { causeChain } from '../../errors.ts';
import type { Measurement } from '../../policy/preflight.ts';
import type { CheckContext } from './facts.ts';

/** The scan has read the whole file before: damage ends a command with its own exit code. */
export function checkPayload({ index }: Pick<CheckContext, 'index'>): Measurement {
  return {
    outcome: 'ok',
    measured: `${index.fileSize} bytes in ${index.chunks.hashes.length} pieces, all as packed`,
    limit: 'every byte as it was packed',
    data: { bytes: index.fileSize },
  };
}

/** It was read to come here; it must be possible to write it, too. */
export async function checkState(
  { paths }: Pick<CheckContext, 'paths'>,
  { schema, product }: State,
): Promise<Measurement> {
  const limit = 'readable, on a file system that can be written';
  try {
    for (const path of [paths.installer, paths.state]) await access(path, constants.R_OK | constants.W_OK);
    return { outcome: 'ok', measured: `schema ${schema.major}.${schema.minor} of ${product}`, limit };
  } catch (error) {
    return {
      outcome: 'fail',
      measured: `it cannot be written: ${causeChain(error)[0] ?? ''}`,
      limit,
      fix: `ls -la ${paths.installer}; findmnt -T ${paths.installer}`,
    };
  }
}
