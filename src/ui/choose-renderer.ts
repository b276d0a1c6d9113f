import { jsonRenderer } from './json-renderer.ts';
import type { Output } from './output.ts';
import { plainRenderer } from './plain-renderer.ts';
import type { RenderClock, Renderer } from './renderer.ts';
import { systemRenderClock } from './renderer.ts';
import { terminalRenderer } from './terminal-renderer.ts';

/** A terminal that is narrower gets plain lines. */
const leastColumns = 20;

/** JSON when asked for, live lines on a terminal that can redraw, plain lines everywhere else. */
export function chooseRenderer(
  output: Output,
  options: {
    json: boolean;
    env: Readonly<Record<string, string | undefined>>;
    clock?: RenderClock;
    /** Shows every preflight check, not only those that are not ok. */
    allChecks?: boolean;
  },
): Renderer {
  const { env, clock = systemRenderClock, allChecks = false } = options;
  if (options.json) return jsonRenderer(output, clock);
  const term = env['TERM'] ?? '';
  if (!output.isTerminal || term === '' || term === 'dumb' || output.columns < leastColumns) {
    return plainRenderer(output, { clock, allChecks });
  }
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return terminalRenderer(output, {
    colors: (env['NO_COLOR'] ?? '') === '',
    unicode: /utf-?8/i.test(locale) && term !== 'linux',
    clock,
    allChecks,
  });
}
