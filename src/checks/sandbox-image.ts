import { foreign } from '../foreign.ts';
import { readRegularText } from '../host/regular-file.ts';
import { normalizedReference } from '../images/reference.ts';
import type { Check } from './check.ts';
import { sudo } from '../shell-word.ts';

/** The image that holds a pod's namespaces, as the running containerd is configured. */
export const sandboxImage: Check = {
  id: 'sandbox-image',
  kind: 'outage',
  title: 'Sandbox image present',
  limit: 'the pause image that containerd is configured with is complete in its store',
  why: 'every pod starts with it: without it no new pod starts, and no old pod restarts',
  fix: 'import it from the air-gap images of this k3s',
  timeoutSeconds: 120,
  flows: ['install', 'upgrade'],
  async measure({ listProcesses, containerd }) {
    const path = configFile(listProcesses().map(({ argv }) => argv));
    const text = path === undefined ? undefined : await readRegularText(path).catch(() => undefined);
    const image = text === undefined ? undefined : configuredImage(text);
    if (image === undefined) {
      const where =
        path === undefined ? 'no containerd runs with a configuration file' : `${path} names none`;
      return {
        outcome: 'warn',
        measured: `not known which one is used: ${where}`,
        fix: `${sudo.crictl} info`,
      };
    }
    const name = normalizedReference(image);
    const found = (await containerd.check(name)).find((one) => one.name === name);
    if (found?.complete === true) return { outcome: 'ok', measured: foreign(name) };
    return {
      outcome: 'fail',
      measured:
        `${foreign(name)} is ` +
        `${found === undefined ? 'not in containerd' : 'not complete in containerd'}: ` +
        'no new pod starts, and no old pod could restart',
      fix: `${sudo.ctr} images import k3s-airgap-images-amd64.tar   # the file of this k3s' own release`,
    };
  },
};

/** The FILE of `containerd --config FILE`, as k3s starts it. */
export function configFile(processes: readonly (readonly string[])[]): string | undefined {
  for (const [program = '', ...args] of processes) {
    if (program.slice(program.lastIndexOf('/') + 1) !== 'containerd') continue;
    for (const [place, arg] of args.entries()) {
      if (arg === '-c' || arg === '--config') return args[place + 1];
      const [, path] = /^--?c(?:onfig)?=(.+)$/.exec(arg) ?? [];
      if (path !== undefined) return path;
    }
  }
  return undefined;
}

/** In containerd's configuration of version 3, and of version 2. */
export function configuredImage(toml: string): string | undefined {
  let table = '';
  for (const line of toml.split('\n')) {
    const heading = /^\s*\[([^[\]]+)\]/.exec(line);
    if (heading !== null) table = heading[1] ?? '';
    const [, key, value] =
      /^\s*['"]?(sandbox(?:_image)?)['"]?\s*=\s*(?:"([^"]+)"|'([^']+)')/
        .exec(line)
        ?.filter((part) => part !== undefined) ?? [];
    if (key === 'sandbox_image' || (key === 'sandbox' && table.endsWith('pinned_images'))) return value;
  }
  return undefined;
}
