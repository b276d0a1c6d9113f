import type { TestHost } from './host.ts';

/** Ways to make a host wrong: each changes it and gives what takes the change back. */

export const stateFile = '/opt/ivaap/.installer/state.json';

/** A change of the host made by a shell script, and the script that takes it back. */
export const byShell = (change: string, back: string) => async (host: TestHost) => {
  await host.shell(change);
  return () => host.shell(back);
};

/** Another text in a file; its mode, owner and old text come back. */
export const edited = (path: string, edit: (text: string) => string) => async (host: TestHost) => {
  const text = await host.readFile(path);
  await host.shell(`cp -a ${path} /root/kept`);
  await host.shell(`cat > ${path}`, { input: edit(text) });
  return () => host.shell(`cp -a /root/kept ${path}; rm /root/kept`);
};

export const away = (path: string) => byShell(`mv ${path} /root/away`, `mv /root/away ${path}`);

type StateFile = Record<string, never> & {
  schema: { major: number };
  installed?: { version: string };
  run: { status: string };
};

export const editedState = (edit: (state: StateFile) => void) =>
  edited(stateFile, (text) => {
    const parsed = JSON.parse(text) as StateFile;
    edit(parsed);
    return JSON.stringify(parsed, null, 2);
  });

/** Fills a file system until only so much is free. */
export const filled = (path: string, freeMiB: number) =>
  byShell(
    `fallocate -l $(( $(df --output=avail -B1 ${path} | tail -1) - ${freeMiB} * 1048576 )) ${path}/.filler`,
    `rm ${path}/.filler`,
  );

export const broken = '/root/broken/ivaap';

/** A copy of 2026.2's executable made by a shell script from `$good`. */
export const brokenCopy = (script: string) => async (host: TestHost) => {
  const good = await host.package('2026.2');
  await host.shell(`good=${good}; mkdir /root/broken; ${script}; chmod +x ${broken}`);
  return () => host.shell('rm -r /root/broken');
};
