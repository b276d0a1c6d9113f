import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { findK3s } from '../../host/k3s.ts';
import { machine, uptimeSeconds } from '../../host/system.ts';
import { type Known, known } from '../../known.ts';
import { isReceipted } from '../../payload/scan-receipt.ts';
import { formatBytes } from '../../policy/format-bytes.ts';
import type { Collector } from '../collector.ts';

const said = <T>(asked: Known<T>, text: (value: T) => string): string =>
  asked.known ? text(asked.value) : `not known: ${asked.why}`;

const notScanned = 'not scanned since it was copied here (verify reads all of it)';

export const versions: Collector = {
  id: 'versions',
  title: 'Versions, and whether this package is intact',
  timeoutMs: 10_000,
  async collect(ctx) {
    const { payload, product, release, paths } = ctx.opened;
    const { cpus, memoryBytes, memoryAvailableBytes } = machine();
    const intact = await isReceipted(payload, paths.scanReceipt);
    const k3s = await known(findK3s(ctx.runner));
    const file = (path: string) => known(readFile(path, 'utf8'));
    const lines = [
      `host: ${hostname()}`,
      `product: ${product.title}, version of this executable: ${release.version}`,
      `payload: ${payload.digest}, at ${payload.path}`,
      `this file: ${intact ? 'an earlier scan found every byte intact' : notScanned}`,
      `k3s: ${said(k3s, ({ version, path }) => `${version}, ${path}`)}`,
      `kernel: ${said(await file('/proc/version'), (text) => text.trim())}`,
      `up for: ${Math.round(uptimeSeconds())} s`,
      `processors: ${cpus}, memory: ${formatBytes(memoryBytes)}, ` +
        `available: ${formatBytes(memoryAvailableBytes)}`,
      `load: ${said(await file('/proc/loadavg'), (text) => text.trim())}`,
      '',
      said(await file('/etc/os-release'), (text) => text),
    ];
    ctx.add('versions.txt', lines.join('\n'));
    await ctx.host();
    if (ctx.facts.cluster !== undefined)
      ctx.add('kubernetes.txt', `API server: ${said(ctx.facts.cluster, (version) => version)}`);
  },
};
