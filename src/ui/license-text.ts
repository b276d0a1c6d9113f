import type { LicenseReport, LicenseRow } from '../queries/license-schema.ts';
import { printableLine } from './sanitize.ts';
import { tableRows, wrapLine } from './wrap.ts';

const formats = { json: 'JSON', flexnet: 'FlexNet' } as const;

function nowText({ enabled, installed, needed }: LicenseRow): string {
  const runs = enabled === null ? 'not known' : enabled ? 'enabled' : 'off';
  if (!needed) return `${runs}, not needed`;
  return enabled === false && installed === true ? 'off, licensed' : runs;
}

/** The report for a screen of so many columns. */
export function licenseLines(report: LicenseReport, width: number): string[] {
  const { license, entitlements, servers } = report;
  const table = (rows: readonly (readonly string[])[]) =>
    tableRows(
      rows.map((row) => row.map(printableLine)),
      { width },
    ).flat();
  const text = (line: string) => wrapLine(printableLine(line), width);
  const head = `${report.title} ${report.version}: `;
  return [
    ...text(
      license === null
        ? `${head}needs no licence`
        : `${head}licence ${license.name} (${formats[license.format]})`,
    ),
    ...(entitlements.length === 0
      ? []
      : [
          '',
          ...table([
            ['ENTITLEMENT', 'LICENCE', 'RUNS NOW'],
            ...entitlements.map((row) => [row.entitlement, row.text, nowText(row)]),
          ]),
        ]),
    ...(servers.length === 0
      ? []
      : [
          '',
          ...table([
            ['LICENCE SERVER', 'ANSWER'],
            ...servers.map(({ name, address, why }) => [
              name,
              why ?? `takes a connection${address === null ? '' : ` (${address})`}`,
            ]),
          ]),
          ...text(lmstatText(report)),
        ]),
    '',
    ...unknownLines(report).flatMap(text),
    ...(license?.notes ?? []).flatMap((note) => text(`note: ${note}`)),
    ...report.warnings.flatMap((line) => text(`warning: ${line}`)),
    ...report.proves.flatMap(text),
    ...text(verdict(report)),
  ];
}

function verdict({ ok, install }: LicenseReport): string {
  if (ok) return 'The licence is enough.';
  if (install === null) return 'The licence is NOT enough.';
  const { enables, leavesOff } = install;
  return (
    `The licence does not grant everything. An install with it is possible: it enables ` +
    `${enables.join(', ') || 'no connector'}. Not granted, so left off: ${leavesOff.join(', ')}.`
  );
}

function lmstatText({ lmstat }: LicenseReport): string {
  if (!lmstat.known) return `lmutil was not asked: ${lmstat.why}`;
  if (lmstat.value === 'unknown') return 'lmutil was asked and says nothing of the server';
  return `lmutil says that the server is ${lmstat.value}`;
}

function unknownLines({ host, license }: LicenseReport): string[] {
  if (license === null) return [];
  const { installedLicense, values } = host;
  if (values.known && !values.value) return ['nothing is installed here: every entitlement counts'];
  return [
    ...(installedLicense.known ? [] : [`installed licence not compared: ${installedLicense.why}`]),
    ...(values.known ? [] : [`enabled connectors not known: ${values.why}; every entitlement counts`]),
  ];
}
