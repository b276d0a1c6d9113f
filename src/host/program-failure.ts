import { basename } from 'node:path';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { mountOf } from './mounts.ts';
import { asRoot, shellWord } from '../shell-word.ts';

/** How a program failed: the cause of the IvaapError that `run` throws. Its texts are redacted. */
export class ProgramFailure extends Error {
  override readonly name = 'ProgramFailure';
  readonly exitCode: number | undefined;
  readonly endedBy: string | undefined;
  readonly reason: 'exit' | 'signal' | 'timeout' | 'aborted' | 'not started' | 'output too long';
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    message: string,
    fields: Pick<ProgramFailure, 'exitCode' | 'endedBy' | 'reason' | 'stdout' | 'stderr'>,
  ) {
    super(message);
    this.exitCode = fields.exitCode;
    this.endedBy = fields.endedBy;
    this.reason = fields.reason;
    this.stdout = fields.stdout;
    this.stderr = fields.stderr;
  }
}

/** What the caller of `run` says of standard output. */
interface TextOrData {
  stdoutIsText?: boolean | 'loud' | undefined;
}

/** The failing program behind an error of ours, when there is one. */
export function programFailure(error: unknown): ProgramFailure | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof ProgramFailure) return current;
  }
  return undefined;
}

/** Where programs are looked for, whatever sudo or cron made of PATH. */
export const safePath =
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/var/lib/rancher/k3s/data/current/bin';

/** "kubectl get pods": the program's name and its first arguments, without options and their values. */
export function shortCommand([program, ...args]: readonly [string, ...string[]]): string {
  const words: string[] = [];
  for (let index = 0; index < args.length && words.length < 3; index += 1) {
    const arg = args[index] ?? '';
    if (arg === '--') break;
    if (arg.startsWith('-')) {
      if (words.length > 0) break;
      if (!arg.includes('=')) index += 1; // `--address X images import`: the subcommand comes after
    } else words.push(arg);
  }
  return [basename(program), ...words].join(' ');
}

export const lastLines = (text: string, count = 20) => text.trimEnd().split('\n').slice(-count).join('\n');

/** Its output is what the program said: standard output only where that is text, since data say no cause. */
export function failure(
  message: string,
  fields: Pick<ProgramFailure, 'exitCode' | 'endedBy' | 'reason' | 'stdout' | 'stderr'> & TextOrData,
  hint?: string,
): IvaapError {
  const fallback = (fields.stdoutIsText ?? false) === false ? '' : fields.stdout;
  const output = lastLines(fields.stderr.trim() === '' ? fallback : fields.stderr);
  const cause = new ProgramFailure(message, fields);
  return new IvaapError('failed', message, {
    cause,
    output: output === '' ? undefined : output,
    hint,
  });
}

export function stopped(
  label: string,
  reason: 'timeout' | 'aborted' | 'output too long',
  stdout: string,
  stderr: string,
  { timeoutMs = 0, stdoutIsText }: { timeoutMs?: number | undefined } & TextOrData = {},
): IvaapError {
  const how = {
    timeout: `did not end within ${Math.round(timeoutMs / 1000)} s and was stopped`,
    aborted: 'was stopped on request',
    'output too long': 'wrote more output than expected',
  }[reason];
  const fields = { exitCode: undefined, endedBy: 'SIGTERM', reason, stdout, stderr, stdoutIsText };
  return failure(`${label} ${how}`, fields);
}

export function notStarted(
  program: string,
  label: string,
  error: NodeJS.ErrnoException,
  cwd?: string,
): IvaapError {
  const fields = {
    exitCode: undefined,
    endedBy: undefined,
    reason: 'not started',
    stdout: '',
    stderr: '',
  } as const;
  if (error.code === 'ENOENT') {
    const message =
      cwd === undefined ? `${program} was not found` : `${program} or the folder ${cwd} was not found`;
    return failure(message, fields, `it is searched in ${safePath}`);
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    const mount = program.startsWith('/') ? mountOf(program) : undefined;
    if (mount?.options.includes('noexec') === true) {
      return failure(
        `${program} may not be executed: ${mount.mountPoint} is mounted with the option noexec`,
        fields,
        asRoot(`mount -o remount,exec ${shellWord(mount.mountPoint)}`),
      );
    }
    return failure(`${program} may not be executed (${error.code})`, fields, `ls -lZ ${shellWord(program)}`);
  }
  return failure(`${label} could not be started: ${foreign(error.message)}`, fields);
}
