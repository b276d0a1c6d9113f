import { formatBytes } from '../policy/format-bytes.ts';
import type { BundleResult } from '../support/bundle-schema.ts';
import { printableLine } from './sanitize.ts';

const shownFaults = 5;

/** Where the bundle lies, what it says first, and what it lacks. */
export function bundleLines({ path, sizeBytes, faults, collected }: BundleResult): string[] {
  const missing = collected.filter((part) => part.missing !== undefined);
  const more = faults.length - shownFaults;
  return [
    ...(faults.length === 0
      ? ['nothing wrong was found in what could be read']
      : [
          'what is wrong, the most certain first:',
          ...faults
            .slice(0, shownFaults)
            .flatMap(({ certainty, title, hint }) => [
              `  ${certainty}: ${title}`,
              ...(hint === undefined ? [] : [`    try: ${hint}`]),
            ]),
          ...(more > 0 ? [`  ${more} more: see index.html`] : []),
        ]),
    // Most parts miss the same answer.
    ...[...Map.groupBy(missing, (part) => part.missing ?? '')].map(
      ([why, parts]) => `not complete: ${parts.map(({ id }) => id).join(', ')}: ${why}`,
    ),
    'secrets are replaced by [redacted]; read index.html before you send it to anybody',
    `${path} (${formatBytes(sizeBytes)})`,
  ].map((line) => line.slice(0, line.search(/\S|$/)) + printableLine(line));
}
