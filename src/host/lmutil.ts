import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Known, known } from '../known.ts';
import type { Runner } from './runner.ts';
import { assertToolUnchanged, placeTool, type Tool } from './tools.ts';

/** FlexNet's own program, as a payload carries it. */
export interface PackedTool {
  name: string;
  sha256: string;
  source(): AsyncIterable<Uint8Array>;
}

const timeoutMs = 10_000;
const mostStdoutBytes = 1024 * 1024;

/** Asks a license manager of one feature. `servers` as `lmutil -c` takes them: `27000@host`. */
export type AskLmstat = (servers: string, feature: string) => Promise<Known<string>>;

/**
 * Lends the program from a folder of its own, which is removed afterwards: a query leaves nothing on the
 * host.
 */
export async function withLmutil<T>(
  runner: Runner,
  packed: PackedTool,
  signal: AbortSignal,
  use: (ask: AskLmstat) => Promise<T>,
): Promise<T> {
  const folder = await known(mkdtemp(join(tmpdir(), 'license-tool-')));
  if (!folder.known) return use(async () => folder);
  try {
    const tool = await known(placeTool(folder.value, packed, packed.source, signal));
    return await use(async (servers, feature) =>
      tool.known ? known(lmstat(runner, tool.value, { servers, feature, signal })) : tool,
    );
  } finally {
    await rm(folder.value, { recursive: true, force: true });
  }
}

/** Its exit status is 0 in most failures and says nothing: what counts are its words. */
async function lmstat(
  runner: Runner,
  tool: Tool,
  { servers, feature, signal }: { servers: string; feature: string; signal: AbortSignal },
): Promise<string> {
  await assertToolUnchanged(tool);
  const { stdout, stderr } = await runner.run([tool.path, 'lmstat', '-c', servers, '-f', feature], {
    label: 'lmutil lmstat',
    timeoutMs,
    graceMs: 500,
    signal,
    okCodes: 'any',
    maxStdoutBytes: mostStdoutBytes,
  });
  return `${stdout}\n${stderr}`;
}
