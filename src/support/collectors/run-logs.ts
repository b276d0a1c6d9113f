import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Collector } from '../collector.ts';

const mostLogs = 5;
const mostBytes = 1024 * 1024;

export const runLogs: Collector = {
  id: 'run-logs',
  title: 'Logs of the last runs',
  timeoutMs: 10_000,
  async collect(ctx) {
    const folder = join(ctx.opened.paths.installer, 'logs');
    const names = (await readdir(folder)).filter((name) => name.endsWith('.jsonl'));
    const logs = await Promise.all(
      names.map(async (name) => ({ name, ...(await stat(join(folder, name))) })),
    );
    const newest = logs
      .filter((log) => log.size > 0)
      .sort((a, b) => b.mtimeMs - a.mtimeMs)
      .slice(0, mostLogs);
    for (const { name, size } of newest) ctx.add(name, await endOf(join(folder, name), size));
  },
};

async function endOf(path: string, size: number): Promise<string> {
  const handle = await open(path);
  try {
    const length = Math.min(size, mostBytes);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString('utf8', 0, bytesRead);
    return length === size ? text : text.slice(text.indexOf('\n') + 1);
  } finally {
    await handle.close();
  }
}
