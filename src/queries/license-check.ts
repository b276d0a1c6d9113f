import { Redactor } from '../engine/redact.ts';
import { IvaapError } from '../errors.ts';
import { assertRoot, isRoot } from '../host/system.ts';
import { type Known, known } from '../known.ts';
import type { Again } from '../policy/again.ts';
import { checkLicense, type LicenseFindings } from '../release/license-check.ts';
import { type License, openLicense } from '../release/license-file.ts';
import { newLicenseFix, serversFix } from '../release/license-servers.ts';
import { hideLicense, installedLicense } from '../release/secrets-of-host.ts';
import { readValuesFile } from '../release/values-file.ts';
import { openHost } from '../session/host-tools.ts';
import { type Machine, thisMachine } from '../session/machine.ts';
import { type OpenedPayload, openOwnPayload } from '../session/opened-payload.ts';
import { readOwnState } from '../session/own-state.ts';
import { knownAsRoot } from './as-root.ts';
import { licenseReport, type RunsNow } from './license-report.ts';
import type { LicenseReport } from './license-schema.ts';

interface LicensePorts {
  program: string;
  again: Again;
  signal: AbortSignal;
  /** Another one in tests. */
  machine?: Machine;
}

/**
 * Checks a licence for the release of this file: `path`, or else the installed one. Changes nothing. The
 * refusal is what the command ends with after the report was printed.
 */
export async function queryLicenseCheck(
  path: string | undefined,
  { program, again, signal, machine = thisMachine }: LicensePorts,
): Promise<{ report: LicenseReport; refusal: IvaapError | undefined }> {
  const opened = await openOwnPayload(machine);
  const redactor = new Redactor();
  try {
    const { product, release, payload } = opened;
    const given = path === undefined ? undefined : await openLicense(path, product);
    if (given !== undefined) hideLicense(product, given, redactor);
    const now = await runsNow(opened, redactor, { machine, signal, program });
    signal.throwIfAborted();
    const license = given ?? licenseOf(opened, now, again);
    const runner = machine.createRunner({ redactor });
    const findings =
      license === undefined
        ? undefined
        : await checkLicense(license, product, { runner, payload, signal, now: () => new Date() });
    const source = path === undefined ? 'installed' : given?.text === path ? 'server' : 'file';
    const name = path ?? `Secret ${product.license?.secret ?? ''}`;
    const checked = license === undefined ? undefined : ({ license, source, name } as const);
    const report = licenseReport({ product, version: release.version, license: checked, findings, now });
    const refusal = report.ok ? undefined : refusalOf(report, findings, { opened, path, again });
    return {
      report: redactor.value(report),
      refusal: refusal === undefined ? undefined : redactor.error(refusal),
    };
  } finally {
    await opened.payload.close();
  }
}

async function runsNow(
  opened: OpenedPayload,
  redactor: Redactor,
  { machine, signal, program }: { machine: Machine; signal: AbortSignal; program: string },
): Promise<RunsNow> {
  const { product, paths } = opened;
  const [license, installation] = await Promise.all([
    product.license === undefined
      ? ({ known: true, value: null } as const)
      : asRoot(async () => {
          const host = await openHost(product, { machine, reporter: { redactor, report: () => {} }, signal });
          // One query first: without an answer, each further one would wait for its own timeout.
          await host.kubectl.serverVersion({ timeoutMs: 5000, signal });
          return (await installedLicense(host.kubectl, product, redactor)) ?? null;
        }),
    knownAsRoot(async () => {
      const state = await readOwnState(opened, program);
      if (state === undefined) return null;
      return { values: (await readValuesFile(paths.values, program)).root, derived: state.derived };
    }),
  ]);
  return { license, installation };
}

/** Only root can read what the cluster holds; for others nothing is asked. */
const asRoot = <T>(ask: () => Promise<T>): Promise<Known<T>> =>
  isRoot() ? known(ask()) : Promise.resolve({ known: false, why: 'only root can read it' });

/** The installed licence where none is named. Undefined: the product needs none. */
function licenseOf(
  { product }: OpenedPayload,
  { license: installed, installation }: RunsNow,
  again: Again,
): License | undefined {
  if (product.license === undefined) return undefined;
  const named = again({ add: ['--license FILE'] });
  const isEmpty = installation.known && installation.value === null;
  if (!installed.known) {
    assertRoot(again(), 'reads the installed licence');
    throw new IvaapError('preflight', `the installed licence cannot be read: ${installed.why}`, {
      hint: isEmpty || installed.hint === undefined ? named : installed.hint,
    });
  }
  if (installed.value !== null) return installed.value;
  throw new IvaapError('usage', 'no licence is installed on this host, and none was named', {
    hint: named,
  });
}

function refusalOf(
  report: LicenseReport,
  findings: LicenseFindings | undefined,
  { opened, path, again }: { opened: OpenedPayload; path: string | undefined; again: Again },
): IvaapError {
  const { product } = opened;
  // What nobody could say while the server was away is no fault of the licence.
  const isSilent = report.servers.some(({ answered }) => !answered);
  const accepted = isSilent ? ['granted', 'unknown'] : ['granted'];
  const lacks = report.entitlements.some(({ needed, status }) => needed && !accepted.includes(status));
  const mend =
    path === undefined
      ? newLicenseFix(product)
      : `ask the vendor for a licence that grants it, then: ${again({ add: ['--license FILE'] })}`;
  const { install } = report;
  if (install !== null) {
    const others = install.leavesOff.join(', ');
    return new IvaapError(
      'preflight',
      `the licence does not grant every connector of ${product.title} ${report.version}: ` +
        `${report.failures.join('; ')}. An install with it is possible, without ${others}`,
      { hint: `for these as well: ${mend}` },
    );
  }
  return new IvaapError(
    'preflight',
    `the licence is not enough for ${product.title} ${report.version}: ${report.failures.join('; ')}`,
    { hint: lacks || findings === undefined ? mend : serversFix(findings) },
  );
}
