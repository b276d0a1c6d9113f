import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { filesHash } from '../e2e/executables.ts';

const root = join(import.meta.dirname, '../..');

/** Names the state of everything that a kill's outcome depends on: the product, its payload and the lab. */
export function sourceHash(): string {
  return filesHash(['src/**/*', 'payload-spec/**/*', 'test/lab/**/*']).slice(0, 12);
}

/** Of the checkout's HEAD. */
export const commitHash = (): string =>
  execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
