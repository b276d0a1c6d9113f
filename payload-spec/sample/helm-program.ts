import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from './cache.ts';

const run = promisify(execFile);

/** The Helm that the payload carries. */
const helmVersion = '4.3.1';

async function versionOf(program: string): Promise<string> {
  const { stdout } = await run(program, ['version', '--template', '{{.Version}}']);
  return stdout.trim().replace(/^v/, '');
}

/** `program`, or Helm built once from its module into the cache. Throws when it is of another version than the payload's. */
export async function helmProgram(program?: string): Promise<{ path: string; version: string }> {
  const path = program ?? (await builtHelm());
  const version = await versionOf(path);
  if (version !== helmVersion)
    throw new Error(`${path} is Helm ${version}; the payload carries ${helmVersion}`);
  return { path, version };
}

async function builtHelm(): Promise<string> {
  const folder = await cached('tools', `helm-${helmVersion}`, async (scratch) => {
    console.error(`building Helm ${helmVersion}, a few minutes the first time`);
    await run(
      'go',
      [
        'install',
        '-trimpath',
        '-ldflags',
        `-s -w -X helm.sh/helm/v4/internal/version.version=v${helmVersion}`,
        `helm.sh/helm/v4/cmd/helm@v${helmVersion}`,
      ],
      { env: { ...process.env, GOBIN: scratch, CGO_ENABLED: '0' }, maxBuffer: 1 << 26 },
    );
  });
  return join(folder, 'helm');
}
