import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { filesHash } from '../e2e/executables.ts';

const root = join(import.meta.dirname, '../..');
const folders = ['src', 'payload-spec', 'test/lab'];
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** Names the state of everything that a case's outcome depends on: the product, its payload and the lab. */
export const sourceHash = (): string => filesHash(folders.map((folder) => `${folder}/**/*`)).slice(0, 12);

/** Of the checkout's HEAD. */
export const commitHash = (): string => git('rev-parse', 'HEAD');

/** Whether the sources are those of a commit. */
export const sourcesCommitted = (): boolean => git('status', '--porcelain', '--', ...folders) === '';

/** HEAD in short; with a plus where the sources are not those of HEAD. */
export const commitName = (): string => `${commitHash().slice(0, 8)}${sourcesCommitted() ? '' : '+'}`;
