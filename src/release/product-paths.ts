import { join } from 'node:path';
import type { Product } from '../payload/product-schema.ts';

/** Every path on the host that belongs to the product or to us, derived from product data alone. */
export interface ProductPaths {
  folder: string;
  values: string;
  chart: string;
  coreArchive: string;
  connectors: string | undefined;
  /** Ours, 0700: everything below is written by the installer only. */
  installer: string;
  state: string;
  overlay: string;
  backups: string;
  tools: string;
  /** Records which file a scan found intact. */
  scanReceipt: string;
  /** What `activate` has put on PATH; absent where nothing is. */
  activation: string;
  /** Held by the running run. */
  lock: string;
  /** Work files of the running run; each run has its own folder below. */
  work: string;
}

/** What a run puts into the product's folder, or takes away from there: nothing else may lie in it. */
export const managedPaths = ({
  values,
  chart,
  coreArchive,
  connectors,
  installer,
}: ProductPaths): string[] => [
  installer,
  chart,
  values,
  coreArchive,
  ...(connectors === undefined ? [] : [connectors]),
];

export function productPaths(product: Product): ProductPaths {
  const { folder, archives } = product;
  const installer = join(folder, '.installer');
  return {
    folder,
    values: join(folder, product.values.file),
    chart: join(folder, product.chart.folder),
    coreArchive: join(folder, archives.core),
    connectors: archives.connectorsFolder === undefined ? undefined : join(folder, archives.connectorsFolder),
    installer,
    state: join(installer, 'state.json'),
    overlay: join(installer, 'values.overlay.yaml'),
    backups: join(installer, 'backups'),
    tools: join(installer, 'tools'),
    scanReceipt: join(installer, 'scan-receipt.json'),
    activation: join(installer, 'activation.json'),
    lock: join(installer, 'lock'),
    work: join(installer, 'work'),
  };
}
