import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '../../engine/run.ts';
import type { JsonObject, Returning } from '../../engine/step.ts';
import { readResult } from '../../backup/step-results.ts';
import { counted } from '../../policy/counted.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import { keptLastDump } from '../../release/last-dump.ts';
import type { UninstallContext } from '../../release/uninstall-context.ts';
import { uninstallBackups } from '../../steps/uninstall_backups.ts';
import { uninstallFiles } from '../../steps/uninstall_files.ts';
import { uninstallKeep } from '../../steps/uninstall_keep.ts';
import { uninstallObjects } from '../../steps/uninstall_objects.ts';
import { uninstallPath } from '../../steps/uninstall_path.ts';
import { uninstallPgBackup } from '../../steps/uninstall_pg_backup.ts';
import { shellWord, sudo } from '../../shell-word.ts';
import { keptLogs, usualDumpTo } from './dump-to.ts';
import type { FlowResult } from '../flow.ts';

/** What an uninstall has removed and kept, as text and as JSON. */
export function uninstallSummary(ctx: UninstallContext, result: RunResult): FlowResult {
  const { product, to, choices, found } = ctx;
  const out = <Out>(step: Returning<Out>) => readResult(step, result.outputs[step.id]);
  const lastDump = out(uninstallPgBackup)?.lastDump;
  const dump = lastDump === undefined ? undefined : keptLastDump(lastDump, choices.dumpTo);
  const kept = out(uninstallKeep)?.keptData;
  const backups = out(uninstallBackups)?.keptFiles.backups ?? null;
  const left = leftBehind(
    ctx,
    out(uninstallObjects)?.objects.left ?? [],
    out(uninstallFiles)?.files.left ?? [],
    out(uninstallPath)?.onPath.left ?? [],
  );
  const data: JsonObject = {
    version: to,
    keptIn: choices.dumpTo,
    dump: dump?.path ?? null,
    dumpSha256: dump?.sha256 ?? null,
    keptData: kept?.folder ?? null,
    log: logOf(ctx, result),
    left: left.map(({ what, command }) => ({ what, command })),
    warnings: result.warnings,
  };
  const lines = [
    `${product.title} ${to} is uninstalled.`,
    `  kept     ${choices.dumpTo}`,
    dump === undefined
      ? '  dump     none'
      : `  dump     ${dump.path} (${formatBytes(dump.sizeBytes)}, ${counted(dump.rows, 'row')}), ` +
        `SHA-256 ${dump.sha256}`,
    ...(backups === null ? [] : [`  backups  ${backups}`]),
    ...(kept === undefined
      ? []
      : [
          `  data     ${kept.folder}; what an install needs to know of it: ${kept.record}`,
          `  again    an install with --storage-path ${shellWord(kept.folder)} uses it`,
        ]),
    ...(choices.keepData && kept === undefined && found.data.there
      ? [`  data     ${found.storagePath ?? ''}`]
      : []),
    ...left.map(({ what, command }) => `  left     ${what}: ${command}`),
  ];
  return { lines, data };
}

/** Where the run's log lies once it is moved; null: it could not be written. */
function logOf({ paths, choices }: UninstallContext, { run }: RunResult): string | null {
  const name = `${run}.jsonl`;
  return existsSync(join(paths.installer, 'logs', name)) ? join(keptLogs(choices.dumpTo), name) : null;
}

/** What is not removed, each with the command that would do it. */
function leftBehind(
  { cluster, product, found, choices, again }: UninstallContext,
  objects: readonly string[],
  files: readonly string[],
  onPath: readonly { path: string; why: string }[],
): { what: string; command: string }[] {
  const { namespace, database, name } = product;
  const { kubectl } = sudo;
  const definitions = found.definitions.known ? found.definitions.value : [];
  const dumpFolder = choices.dumpTo.startsWith(usualDumpTo(product, ''))
    ? []
    : [`--dump-to ${shellWord(choices.dumpTo)}`];
  const unmarked = found.unmarkedImages.known ? found.unmarkedImages.value : [];
  const silent =
    cluster !== undefined
      ? []
      : [
          {
            what: `namespace/${namespace} and all in it`,
            command: `${kubectl} delete namespace ${namespace}`,
          },
          {
            what: `persistentvolume/${database.volume.persistentVolume}`,
            command: `${kubectl} delete persistentvolume ${database.volume.persistentVolume}`,
          },
          {
            what: `images with the label ${name}.installer/release; all of it, once the cluster is back`,
            command: again({ without: ['--without-cluster', '--skip-backup', '--dump-to'], add: dumpFolder }),
          },
        ];
  return [
    ...silent,
    ...objects.map((resource) => {
      const isWide = /^(namespace|persistentvolume)\//.test(resource);
      const command = `${kubectl} delete ${isWide ? '' : `-n ${namespace} `}${resource}`;
      return { what: resource, command };
    }),
    ...(found.heldByOthers && found.storagePath !== undefined
      ? [
          {
            what: `${found.storagePath}, the folder of that volume`,
            command: `ls -ld ${shellWord(found.storagePath)}`,
          },
        ]
      : []),
    ...(found.data.target === undefined || choices.keepData
      ? []
      : [
          {
            what: `${found.data.target}, where the link ${found.storagePath ?? ''} leads to`,
            command: `ls -la ${shellWord(found.data.target)}`,
          },
        ]),
    ...onPath.map(({ path, why }) => ({ what: `${path} (${why})`, command: `ls -ld ${shellWord(path)}` })),
    ...files.map((path) => ({ what: path, command: `ls -ld ${shellWord(path)}` })),
    ...unmarked.map((name) => ({
      what: `the image ${name} of an older release, which has no mark of this installer; if nobody uses it`,
      command: `${sudo.ctr} images remove ${shellWord(name)}`,
    })),
    ...definitions.map((one) => ({ what: `the definition ${one}`, command: `${kubectl} delete crd ${one}` })),
  ];
}
