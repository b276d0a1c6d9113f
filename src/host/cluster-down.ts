import { IvaapError } from '../errors.ts';
import { programFailure } from './program-failure.ts';
import { sudo } from '../shell-word.ts';

/** Whether the API server answered at all, and what to say where it did not. */

const downPatterns = [
  /connection refused/i,
  /Unable to connect to the server/,
  /was refused - did you specify the right host or port/,
  /connect: no route to host/,
  /i\/o timeout/,
  /TLS handshake timeout/,
  /net\/http: request canceled/,
  /context deadline exceeded/,
  /\(ServiceUnavailable\)/,
  /the server is currently unable to handle the request/,
  /etcdserver: (request timed out|leader changed|no leader)/,
  /apiserver not ready/,
  /stat \S+\.yaml: no such file or directory/,
];

/** The API server did not answer, whatever the command asked: retry later, or read local facts only. */
export function isClusterDown(error: unknown): boolean {
  const failure = programFailure(error);
  if (failure === undefined) return false;
  return failure.reason === 'timeout' || saysServerDown(failure.stderr);
}

/**
 * Whether kubectl says so: a server that names a webhook as silent does answer, and a warning of kubectl's
 * own log is no answer.
 */
export function saysServerDown(stderr: string): boolean {
  const said = stderr.split('\n').filter((line) => !/^[EWI]\d{4} |failed calling webhook/.test(line));
  return downPatterns.some((pattern) => said.some((line) => pattern.test(line))) && !distrusts(stderr);
}

/** It answers, and one of the two does not trust the other: waiting does not help. */
export const isDistrust = (error: unknown): boolean => distrusts(programFailure(error)?.stderr ?? '');

const distrusts = (stderr: string) =>
  /x509: |tls: (bad|expired|unknown|failed to verify) certificate|You must be logged in to the server/.test(
    stderr,
  );

/**
 * The failure of a program that queried the API server; explained where the program could not reach the
 * server or its certificate failed.
 */
export function explainIfClusterDown(error: unknown): unknown {
  const stderr = programFailure(error)?.stderr ?? '';
  const trouble = isClusterDown(error) || distrusts(stderr) ? troubleWith(stderr) : undefined;
  if (trouble === undefined) return error;
  return new IvaapError('failed', trouble.message, {
    cause: error,
    hint: trouble.hint,
    output: error instanceof IvaapError ? error.output : undefined,
  });
}

function troubleWith(stderr: string): { message: string; hint: string } {
  const missing = /stat (\S+\.yaml): no such file or directory/.exec(stderr)?.[1];
  if (missing !== undefined) {
    return {
      message:
        `the cluster's kubeconfig ${missing} is missing: k3s writes it ` +
        'when it starts; --write-kubeconfig changes its path',
      hint: `${sudo.systemctl} cat k3s; ${sudo.systemctl} status k3s`,
    };
  }
  if (/certificate has expired/.test(stderr)) {
    return {
      message: 'the API server’s certificate has expired, or the clock of this host is wrong',
      // k3s renews what has expired, or soon will, when it starts.
      hint: `date; ${sudo.systemctl} restart k3s`,
    };
  }
  if (distrusts(stderr)) {
    return {
      message:
        'the API server answers, but its certificate, or the one ' +
        "in the cluster's kubeconfig, is not accepted",
      hint: `${sudo.systemctl} restart k3s`,
    };
  }
  return { message: 'the Kubernetes API server does not answer', hint: `${sudo.systemctl} status k3s` };
}
