import { stringify } from 'yaml';
import { readReleaseRecords } from '../../host/helm-record.ts';
import { readRegularText } from '../../host/regular-file.ts';
import { causeChain } from '../../errors.ts';
import { columns } from '../../ui/format.ts';
import type { Collector } from '../collector.ts';

export const helm: Collector = {
  id: 'helm',
  title: "Helm's history and values",
  timeoutMs: 10_000,
  async collect(ctx) {
    const { paths, product } = ctx.opened;
    const { namespace, release } = product;
    for (const [name, path] of [
      ['values-file.yaml', paths.values],
      ['overlay.yaml', paths.overlay],
    ] as const) {
      ctx.add(name, await readRegularText(path).catch((error: unknown) => notRead(error)));
    }
    const { kubectl } = await ctx.host();
    const records = await readReleaseRecords(kubectl, { namespace, release, signal: ctx.signal });
    const rows = records.map(({ revision, status, content }) => [
      String(revision),
      status,
      content?.deployedAt ?? '',
      content === undefined ? 'cannot be read' : `${content.chart} ${content.version}`,
      content?.description ?? '',
    ]);
    ctx.add(
      'history.txt',
      columns([['REVISION', 'STATUS', 'DEPLOYED', 'CHART', 'DESCRIPTION'], ...rows]).join('\n'),
    );
    for (const { revision, content } of records.slice(-2)) {
      ctx.add(`values-of-revision-${revision}.yaml`, stringify(content?.values ?? {}, { lineWidth: 0 }));
    }
  },
};

const notRead = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is none' : `not read: ${causeChain(error)[0]}`;
