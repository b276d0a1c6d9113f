import { openSync } from 'node:fs';
import { fileLimits, IvaapError } from '../errors.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** Our own file, whatever it is called now. */
export const selfPath = '/proc/self/exe';

/**
 * Opened while this module is loaded, which main.ts does before anything else: from then on a file that is
 * renamed, replaced or removed under us changes nothing. A failure is kept for whoever wants to read.
 */
const opened: { descriptor: number } | { error: NodeJS.ErrnoException } = (() => {
  try {
    return { descriptor: openSync(selfPath, 'r') };
  } catch (error) {
    return { error: error as NodeJS.ErrnoException };
  }
})();

/**
 * The one descriptor of our own file, open as long as we run. Throws `payload` that says what keeps us from
 * reading it.
 */
export function ownDescriptor(): number {
  if ('descriptor' in opened) return opened.descriptor;
  const { error } = opened;
  const [why, hint] = hindrance(error.code);
  // Of these two the file is innocent.
  const code = error.code === 'EMFILE' || error.code === 'ENFILE' ? 'failed' : 'payload';
  throw new IvaapError(code, `this executable cannot read itself: ${why}`, { hint, cause: error });
}

function hindrance(code: string | undefined): [why: string, hint: string] {
  if (code === 'ENOENT') return ['/proc is not mounted', asRoot('mount -t proc proc /proc')];
  if (code === 'EACCES' || code === 'EPERM')
    return [
      'its file may be executed by this user, but not read',
      asRoot(`chmod a+r ${shellWord(process.execPath)}`),
    ];
  if (code === 'EMFILE') return ['this shell allows too few open files', fileLimits.EMFILE.hint];
  if (code === 'ENFILE') return [fileLimits.ENFILE.message, fileLimits.ENFILE.hint];
  return [`${selfPath} could not be opened`, `ls -lZ ${shellWord(process.execPath)}`];
}
