import { readdir } from 'node:fs/promises';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { readRegularText } from '../../host/regular-file.ts';
import type { Collector } from '../collector.ts';

/** As they are on disk: a damaged state is what support has to see. */
export const state: Collector = {
  id: 'state',
  title: "The installer's state",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { installer, state: path, activation } = ctx.opened.paths;
    const names = await readdir(installer, { recursive: true });
    ctx.add(
      'files.txt',
      names
        .sort()
        .slice(0, 2000)
        .map((name) => described(join(installer, name)))
        .join('\n'),
    );
    ctx.add('activation.json', await readRegularText(activation).catch(() => ''));
    ctx.add('state.json', await readRegularText(path));
  },
};

function described(path: string): string {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return `gone now  ${path}`;
  const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
  const size = String(found.size).padStart(12);
  return `${mode} ${found.uid}:${found.gid} ${size} ${found.mtime.toISOString()}  ${path}`;
}
