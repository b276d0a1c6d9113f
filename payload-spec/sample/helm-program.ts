import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { labPrograms } from '../../test/lab/programs.ts';

/** The Helm that the payload carries. */
const helmVersion = '4.3.1';

/**
 * `program`, or the Helm that is built for the lab. Throws when it is of another version than the payload's.
 */
export async function helmProgram(program?: string): Promise<{ path: string; version: string }> {
  const path = program ?? (await labPrograms()).helm;
  const { stdout } = await promisify(execFile)(path, ['version', '--template', '{{.Version}}']);
  const version = stdout.trim().replace(/^v/, '');
  if (version !== helmVersion)
    throw new Error(`${path} is Helm ${version}; the payload carries ${helmVersion}`);
  return { path, version };
}
