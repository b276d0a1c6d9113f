import { spawn } from 'node:child_process';
import { safePath } from './program-failure.ts';

/** What a program that shows a window needs to find the session. */
const sessionNames = ['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'XDG_RUNTIME_DIR', 'HOME', 'USER', 'LANG'];

/**
 * Opens a file with the desktop's own program, which outlives us. Returns why it was not opened; undefined
 * where it was.
 */
export async function openFile(path: string): Promise<string | undefined> {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if ((DISPLAY ?? '') === '' && (WAYLAND_DISPLAY ?? '') === '') return 'there is no graphical session';
  const env = Object.fromEntries(
    sessionNames.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  return new Promise((done) => {
    const child = spawn('xdg-open', [path], {
      env: { PATH: safePath, ...env },
      stdio: 'ignore',
      detached: true,
    });
    child.once('error', ({ message }) =>
      done(
        /ENOENT/.test(message) ? 'this host has no xdg-open' : `xdg-open could not be started: ${message}`,
      ),
    );
    child.once('spawn', () => {
      child.unref();
      done(undefined);
    });
  });
}
