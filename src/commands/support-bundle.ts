import { supportBundle } from '../support/support-bundle.ts';
import { answer, assertStdoutOpen } from '../ui/answer.ts';
import { bundleLines } from '../ui/bundle-text.ts';
import type { Command } from './command.ts';
import { jsonFields } from './json-fields.ts';

/** `support-bundle`: what support needs of this host, in one file. */
export const supportBundleCommand: Command = {
  options: [
    {
      flags: '--output <file>',
      summary: 'the file to write (default: one in the current folder, named after product and time)',
    },
    { flags: '--json', summary: 'the result, or the error, as one JSON object (docs/json.md)' },
  ],
  touches: [
    'Collects status, state, logs of runs, preflight as it is now, versions, pods with their events, last ' +
      "logs and what each uses, k3s' own pods, Helm's history and values, containerd's images, disks, " +
      "processes, clock and network, messages of the kernel, k3s' settings, certificates and messages, and " +
      'the schema version, and writes one .tar.gz. Its index.html names on the first page what is wrong, ' +
      'the most certain first.',
    "Of other people's pods it names which there are, of processes their names, and of ConfigMaps and " +
      'Secrets their keys.',
    'Works when the cluster is down and without root, and says what is missing. Each part has ten seconds, ' +
      'all of it one minute, and the file at most 50 MB. It is readable by its owner alone, never replaces ' +
      'a file, and leaves the reserve of its disk free.',
    "Secrets are replaced by [redacted]: this host's own, in every encoding, and whatever looks like a " +
      'password, a key or a token. Nothing is sent anywhere. Changes nothing; while it measures ' +
      'preflight it holds the lock.',
  ],
  jsonFields: async () => [
    jsonFields('Fields of --json', (await import('../support/bundle-schema.ts')).bundleSchema),
  ],
  examples: [
    ['support-bundle', 'writes the bundle into the current folder'],
    ['support-bundle --output /var/tmp/support.tar.gz', 'writes it to another disk'],
  ],
  exits: ['usage', 'payload', 'failed', 'interrupted', 'terminated'],
  async run({ options, json, signal, secondSignal, program, again }) {
    assertStdoutOpen();
    const output = options.output as string | undefined;
    const ports = { emit: () => {}, signal, insist: secondSignal, program, again, confirm: undefined };
    const result = await supportBundle({ output }, ports);
    await answer(`${json ? JSON.stringify(result) : bundleLines(result).join('\n')}\n`, signal);
  },
};
