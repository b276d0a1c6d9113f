import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { makeFolder, writeStreamAtomic } from './atomic-file.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** A program that the payload carries, ready to be run. */
export interface Tool {
  path: string;
  /** Hex. */
  sha256: string;
}

/**
 * Puts a program of the payload into `TOOLS_FOLDER/SHA256/NAME`, unless it is there already and intact.
 * `source` is read only when it is needed. Throws 'payload' when its bytes are not the expected ones.
 */
export async function placeTool(
  toolsFolder: string,
  tool: { name: string; sha256: string },
  source: () => AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<Tool> {
  const folder = join(toolsFolder, tool.sha256);
  const placed = { path: join(folder, tool.name), sha256: tool.sha256 };
  if (await isIntact(placed)) return placed;
  await makeFolder(toolsFolder, 0o700);
  await makeFolder(folder, 0o700);
  await writeStreamAtomic(placed.path, source(), {
    mode: 0o700,
    signal,
    verify: ({ sha256 }) => {
      if (sha256 === tool.sha256) return;
      throw new IvaapError('payload', `${tool.name} in the payload is damaged: its SHA-256 is ${sha256}`);
    },
  });
  return placed;
}

async function isIntact(tool: Tool): Promise<boolean> {
  const info = await lstat(tool.path).catch(() => undefined);
  if (info === undefined || !info.isFile() || info.uid !== process.geteuid?.()) return false;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(tool.path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex') === tool.sha256;
}

/** Asked before each start of a tool: somebody may have replaced it since it was placed. */
export async function assertToolUnchanged(tool: Tool): Promise<void> {
  if (await isIntact(tool)) return;
  throw new IvaapError('failed', `${tool.path} is not the program that the payload carries`, {
    hint: `${asRoot(`rm ${shellWord(tool.path)}`)}, then run the same command again: it is written again`,
  });
}
