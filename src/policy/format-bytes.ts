const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** Three digits and a binary unit: `1.95 GiB`, `212 MiB`, `17 B`. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
