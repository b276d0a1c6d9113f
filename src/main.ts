// Imported first: from here on our own file may be renamed or replaced.
import { ownDescriptor } from './host/own-file.ts';
import { handleSignals } from './host/signals.ts';
import { existsSync, fstatSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { isSea } from 'node:sea';
import { describeError, stopRequest } from './errors.ts';
import { unmarked } from './foreign.ts';
import { errorLines } from './ui/error-text.ts';
import { isStdoutClosed, outputTaken } from './ui/output.ts';
import { typedName } from './host/typed-name.ts';
import { shellWord } from './shell-word.ts';

/**
 * The entry: cleans the environment, sets the umask, turns signals into aborts, finds out the name that it
 * was started with, runs one command and sets the exit code. Nothing else in src/ ends the process.
 */

/**
 * Variables that we read. All others could control a root process or its children: NODE_*, LD_*, HELM_*,
 * KUBE*, PG*, proxies.
 */
const keptEnvironment =
  /^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLORTERM|NO_COLOR|COLUMNS|LINES|SUDO_(USER|UID|GID|COMMAND)|SSH_(CONNECTION|TTY)|DISPLAY|WAYLAND_DISPLAY|XAUTHORITY|XDG_RUNTIME_DIR)$/;

function scrubEnvironment(): void {
  for (const name of Object.keys(process.env)) {
    if (!keptEnvironment.test(name)) delete process.env[name];
  }
}

/**
 * Variables that the loader, the C library, libuv, ICU, OpenSSL and Node read at process start, before our
 * code runs: libraries, allocation, compile cache, coverage, certificates, proxies, TLS. docs/trust.md lists
 * them.
 */
const readAtProcessStart = /^(NODE|OPENSSL|SSL|UV|ICU|LD|MALLOC|GLIBC)_|^(GCONV_PATH|LOCPATH)$/;

/** Commands that read or write a complete file: their buffers gain from huge pages. */
const readsWholeFile = new Set(['install', 'verify', 'extract', 'extract-file']);

/**
 * The C library reads this at process start, too: it then uses huge pages where the host has set them to
 * `madvise`.
 */
const hugePages = { name: 'GLIBC_TUNABLES', value: 'glibc.malloc.hugetlb=1' };

/** An environment that only we could have made: nothing in it calls for another start. */
const isSetByUs = (name: string) => name === hugePages.name && process.env[name] === hugePages.value;

/** Starting again takes as long as reading some hundred mebibytes. */
const hugePagesFromBytes = 512 * 1024 * 1024;

function wantsHugePages(command: string | undefined): boolean {
  if (!readsWholeFile.has(command ?? '') || isSetByUs(hugePages.name)) return false;
  try {
    if (fstatSync(ownDescriptor()).size < hugePagesFromBytes) return false;
    return readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8').includes('[madvise]');
  } catch {
    return false;
  }
}

/**
 * Starts again, as the same process, with a clean environment: changing it now would come too late for what
 * has read it already. The second start finds it clean.
 */
function reexecWithCleanEnvironment(command: string | undefined): void {
  if (!isSea()) return;
  const isControlled = Object.keys(process.env).some(
    (name) => readAtProcessStart.test(name) && !isSetByUs(name),
  );
  const wants = wantsHugePages(command);
  // Without /proc the program cannot start again, and what needs our file then fails with a message.
  if (!(isControlled || wants) || !existsSync('/proc/self/exe')) return;
  scrubEnvironment();
  if (wants) process.env[hugePages.name] = hugePages.value;
  process.execve?.('/proc/self/exe', [process.argv0, ...process.argv.slice(2)], process.env);
}

/**
 * This program as the operator typed it, ready to paste into a shell; its path where that is not a program
 * name. A SEA's argv is [executable, executable, …]; argv[0] as typed is `argv0`.
 */
function programAsTyped(): string {
  if (!isSea()) return `node ${process.argv[1] ?? ''}`;
  const typed = typedName(process.argv0) ?? process.argv0;
  // A name that starts with `-`, such as a login shell's, would be read as an option.
  return shellWord(/^[^\p{C}-][^\p{C}]*$/u.test(typed) ? typed : process.execPath);
}

function abortOnSignals() {
  const first = new AbortController();
  const second = new AbortController();
  handleSignals((signal) => {
    // The kernel repeats SIGXCPU every second: that is not a second request to stop.
    const asked = first.signal.aborted && signal !== 'SIGXCPU' ? second : first;
    asked.abort(stopRequest(signal));
  });
  return { signal: first.signal, secondSignal: second.signal };
}

/** Streams that failed to write. */
const broken = new Set<NodeJS.WritableStream>();

/**
 * A closed reader (`| head`, a lost terminal) or a full disk does not fail the run: further output is
 * dropped.
 */
function ignoreClosedStreams(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => broken.add(stream));
}

function printError(error: unknown, json: boolean): number {
  const described = describeError(error);
  // Without a usable standard output, the error goes to standard error as text.
  if (json && !broken.has(process.stdout) && !isStdoutClosed()) {
    const event = { type: 'error', at: new Date().toISOString(), error: described };
    process.stdout.write(`${unmarked(JSON.stringify(event))}\n`);
  } else {
    process.stderr.write(`${errorLines(described, process.stderr.columns || Infinity).join('\n')}\n`);
  }
  return described.exitCode;
}

/** What a command may need of how this process was started. */
type Given = ReturnType<typeof abortOnSignals> & { umask: number };

async function main(args: readonly string[], given: Given): Promise<void> {
  const program = programAsTyped();
  const context = { program, ...given };
  const { noticeUnsigned } = await import('./commands/unsigned-notice.ts');
  // Scripts and shell prompts call `-v` often: it is answered without loading a library.
  if (args.length === 1 && (args[0] === '-v' || args[0] === '--version')) {
    ignoreClosedStreams();
    await noticeUnsigned();
    const { printVersion } = await import('./commands/version.ts');
    return printVersion(program, context.signal);
  }
  // Streams come later: opening them changes what a program that we become would get.
  const { asNamed } = await import('./commands/as-named.ts');
  const run = await asNamed(isSea() ? basename(process.argv0) : undefined, args, context).finally(
    ignoreClosedStreams,
  );
  await noticeUnsigned();
  return run();
}

const args = process.argv.slice(2);
const signals = abortOnSignals();
/** Exits after all output was written; a signal ends the wait for a slow reader. */
async function exitAfterOutput(exitCode: number): Promise<never> {
  const enough = new AbortController();
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => enough.abort());
  await outputTaken(enough.signal);
  process.exit(exitCode);
}

const end = (error: unknown) => exitAfterOutput(printError(error, args.includes('--json')));
/** Our own state is unknown here: print the error without waiting. */
const fail = (error: unknown) => process.exit(printError(error, args.includes('--json')));
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
reexecWithCleanEnvironment(args[0]);
scrubEnvironment();
// Files get the modes that the code gives them, also in the programs that it starts.
const umask = process.umask(0o022);
main(args, { ...signals, umask }).then(() => exitAfterOutput(0), end);
