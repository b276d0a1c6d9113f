import { open } from 'node:fs/promises';
import { elfEnd } from '../src/payload/format/head.ts';
import { positionReader } from '../src/payload/position-reader.ts';
import { SpecError } from './spec-file.ts';

/**
 * The archive has to start where the ELF image ends: that is where a reader looks for it when the trailer is
 * missing. Throws {@link SpecError}.
 */
export async function emptyExecutableSize(path: string): Promise<number> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const end = await elfEnd(positionReader(handle.fd), size);
    if (end === undefined)
      throw new SpecError(`${path}: no 64-bit ELF executable; \`npm run build\` makes one`);
    if (end < size)
      throw new SpecError(`${path}: something lies behind the executable already, such as a payload`);
    if (end > size) throw new SpecError(`${path}: an executable that was cut off`);
    return size;
  } finally {
    await handle.close();
  }
}
