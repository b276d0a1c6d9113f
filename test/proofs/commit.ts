import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** Of the checkout's HEAD: what is drawn by it is another for every commit. */
export const commitHash = (): string => git('rev-parse', 'HEAD');
