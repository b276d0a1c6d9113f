import { filesHash } from '../e2e/executables.ts';
import { commitHash, git } from './commit.ts';

const folders = ['src', 'payload-spec', 'test/lab'];

/** Names the state of everything that a case's outcome depends on: the product, its payload and the lab. */
export const sourceHash = (): string => filesHash(folders.map((folder) => `${folder}/**/*`)).slice(0, 12);

/** Whether the sources are those of a commit. */
export const sourcesCommitted = (): boolean => git('status', '--porcelain', '--', ...folders) === '';

/** HEAD in short; with a plus where the sources are not those of HEAD. */
export const commitName = (): string => `${commitHash().slice(0, 8)}${sourcesCommitted() ? '' : '+'}`;
