import { join } from 'node:path';
import { type NamedProduct, pathPlaces } from '../policy/path-names.ts';
import { sealed, sealLine } from '../policy/sealed-text.ts';
import { sudoInScript } from '../shell-word.ts';

/**
 * The program on PATH: a few lines of shell that become the executable under the name of the launcher. A bare
 * link that leads nowhere would make the shell say "command not found"; this says what is gone and what to
 * do.
 */
export function launcherText(product: NamedProduct, name: string): string {
  const { folder, active } = pathPlaces(product);
  const { command } = product;
  return sealed(`#!/bin/sh
# ${sealLine(product.name)}
# Made by \`${command} activate\`; \`${command} activate --undo\` removes it.
program=${join(folder, name)}
if [ -x "$program" ]; then exec "$program" "$@"; fi
${sudoInScript}
file=$(command -p readlink ${active})
if [ "$(command -p id -u)" = 0 ]; then
  echo "error: \${file:-${active}}, which \\\`${command} activate\\\` put on PATH, is gone or cannot be executed" >&2
  echo "try: \${sudo}./${command} activate, in the folder of a package; to remove the names: add --undo" >&2
  exit 4
fi
echo "error: \${file:-${active}} is gone, or only root may execute it" >&2
echo "try: \${sudo}${name}" >&2
exit 4
`);
}
