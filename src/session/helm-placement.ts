import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { createHelm, type Helm } from '../host/helm.ts';
import { placeTool, type Tool } from '../host/tools.ts';
import type { HostTools } from './host-tools.ts';
import type { OpenedPayload } from './opened-payload.ts';

/** The payload's own Helm, placed below the installer's folder, with folders of its own. */
export async function placeHelm(opened: OpenedPayload, host: HelmHost): Promise<Helm> {
  const { payload, paths } = opened;
  const { entry, sha256 } = await helmEntry(opened);
  const tool = await placeTool(paths.tools, { name: 'helm', sha256 }, () => payload.streamEntry(entry)).catch(
    async (error: unknown) => {
      // Removes the folders that were made for it, unless they hold other files.
      for (const folder of [join(paths.tools, sha256), paths.tools])
        await rmdir(folder).catch(() => undefined);
      throw withoutRoom(error) ?? error;
    },
  );
  return helmAt(opened, host, tool);
}

/** Helm is the first file that is written: with a full disk nothing has been changed yet. */
function withoutRoom(error: unknown): IvaapError | undefined {
  if (!(error instanceof IvaapError) || !(error.cause instanceof Error) || !('code' in error.cause))
    return undefined;
  if (error.cause.code !== 'ENOSPC' && error.cause.code !== 'EDQUOT') return undefined;
  return error.with({
    code: 'preflight',
    message: `${error.message}: the Helm executable has to be written there`,
  });
}

/** The same without writing anything, for callers that do not start Helm. */
export async function unplacedHelm(opened: OpenedPayload, host: HelmHost): Promise<Helm> {
  const { sha256 } = await helmEntry(opened);
  return helmAt(opened, host, { path: join(opened.paths.tools, sha256, 'helm'), sha256 });
}

type HelmHost = Pick<HostTools, 'runner' | 'outageRetry'>;

async function helmEntry({ payload, index }: OpenedPayload): Promise<{ entry: string; sha256: string }> {
  const tool = index.tools.helm;
  if (tool === undefined) throw new IvaapError('payload', 'this payload contains no Helm');
  const { sha256 } = await payload.entry(tool.entry);
  return { entry: tool.entry, sha256 };
}

function helmAt({ product, paths }: OpenedPayload, { runner, outageRetry }: HelmHost, tool: Tool): Helm {
  return createHelm(runner, {
    tool,
    kubeconfig: product.k3s.kubeconfig,
    namespace: product.namespace,
    release: product.release,
    workFolder: join(paths.work, 'helm'),
    outageRetry,
  });
}
