import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { IvaapError } from '../src/errors.ts';
import { chartLine, checkReport } from './check-report.ts';
import { withScratch } from './layout-files.ts';
import { minisignPublicKey } from './minisign.ts';
import type { ChartReport } from './pack-check.ts';
import { checkContents, checkedPlan } from './pack-check.ts';
import { inPlainLayers, listPlan } from './pack-list.ts';
import { packPayload } from './pack-payload.ts';
import { planPack } from './pack-plan.ts';
import type { SigningKeys } from './signing.ts';
import { fingerprintOfKey, readSigningKeys } from './signing.ts';
import { SpecError } from './spec-file.ts';
import { removeTemporaries } from './temporary.ts';

/** `npm run pack -- SPEC -o FILE`, `--list SPEC`, `--check SPEC` */

const usage = `usage: npm run pack -- SPEC -o FILE [--executable FILE] [--key FILE] [--handover-key FILE]… [--pad-to SIZE]
       npm run pack -- --list SPEC
       npm run pack -- --check SPEC
       npm run pack -- --print-key [--key FILE]
  SPEC             release spec (YAML); its paths are relative to it
  --list           show what would be packed; writes nothing
  --check          check all that packing checks, every blob's digest and every layer's diffId included, and say
                   what was looked at, which images the chart names and where; writes nothing
  --print-key      print the public half of the key, as a file for minisign -p whose comment has the key's fingerprint
  -o, --output     the executable to write, whole or not at all; of a signed one FILE.minisig too
  --executable     the empty executable that \`npm run build\` made (dist/ivaap)
  --key            sign with this Ed25519 key (PEM, PKCS#8); or the PEM itself in IVAAP_SIGNING_KEY. Without: unsigned
  --handover-key   an older key, which hands over to this one; may be given again, or PEMs in IVAAP_HANDOVER_KEYS
  --pad-to         fill up with a hole to about this size (4GiB, 10GiB), for measurements of start-up`;

const units: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

function bytesOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+)(KiB|MiB|GiB)?$/.exec(text) ?? [];
  if (digits === undefined) throw new SpecError(`--pad-to: "${text}" is no size such as 4GiB`);
  return Number(digits) * units[unit]!;
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

let drawnAt = 0;
function draw({ what, done, total }: { what: string; done: number; total: number }): void {
  if (!process.stderr.isTTY) return;
  const now = Date.now();
  if (done < total && now - drawnAt < 100) return;
  drawnAt = now;
  process.stderr.write(`\r\u001b[K${what}: ${mib(done)} of ${mib(total)}${done < total ? '' : '\n'}`);
}

/** What was found beside, where it is read before the closing line. */
function warn(chart: ChartReport | undefined): void {
  for (const warning of chart?.warnings ?? []) console.error(`warning: ${warning}`);
}

/** A signal that ends the run removes what it has written so far. */
function removeOnSignal(): void {
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      removeTemporaries();
      process.exit(exitCode);
    });
}

/**
 * Neither leaves anything behind: a compressed archive is unpacked into the folder for temporary files
 * meanwhile.
 */
function withoutOutput(spec: string, kind: 'list' | 'check', keys: SigningKeys | undefined): Promise<void> {
  return withScratch(join(tmpdir(), 'pack-'), async (scratch) => {
    if (kind === 'list') {
      process.stdout.write(listPlan(await planPack(spec, scratch)));
      return;
    }
    const plan = await checkedPlan(spec, scratch, keys);
    await checkContents(plan, keys, draw);
    warn(plan.chart);
    console.log(`${spec}: ${plan.sources.length} entries, ${plan.images.length} images, nothing to refuse`);
    console.log(checkReport(plan));
    console.log(`${mib(plan.uncompressedBytes)} ${inPlainLayers}`);
  });
}

function printKey(file: string | undefined): number {
  const keys = readSigningKeys({ key: file }, { environment: process.env, specFolder: undefined });
  if (keys === undefined)
    throw new SpecError('--print-key: no key is given: --key FILE, or IVAAP_SIGNING_KEY');
  process.stdout.write(minisignPublicKey(keys.key));
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: 'string', short: 'o' },
      executable: { type: 'string', default: 'dist/ivaap' },
      key: { type: 'string' },
      'handover-key': { type: 'string', multiple: true },
      'pad-to': { type: 'string' },
      list: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      'print-key': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [spec] = positionals;
  const { list, check, output } = values;
  if (values['print-key'] && spec === undefined && values.help !== true) return printKey(values.key);
  const asked = [list, check, values['print-key'], output !== undefined].filter(Boolean).length;
  if (values.help === true || spec === undefined || asked !== 1 || positionals.length > 1) {
    console.log(usage);
    return values.help === true ? 0 : 2;
  }
  const keys = readSigningKeys(
    { key: values.key, handoverKeys: values['handover-key'] },
    { environment: process.env, specFolder: dirname(spec) },
  );
  removeOnSignal();
  if (output === undefined) {
    await withoutOutput(spec, list ? 'list' : 'check', keys);
    return 0;
  }
  const padTo = values['pad-to'];
  const started = Date.now();
  const { index, digest, sharedBytes, uncompressedBytes, chart } = await packPayload({
    spec,
    executable: values.executable,
    output,
    keys,
    ...(padTo === undefined ? {} : { padToBytes: bytesOf(padTo) }),
    onProgress: draw,
  });
  warn(chart);
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `${output}: ${index.title} ${index.version}, ${mib(index.fileSize)}, ${index.images.length} images, ` +
      `${mib(sharedBytes)} saved by sharing blobs, ${seconds} s\n${chartLine(chart)}\n` +
      `${mib(uncompressedBytes)} ${inPlainLayers}\n` +
      'payload ' +
      `sha256:${digest}\n${keys === undefined ? 'unsigned' : `signed by ${fingerprintOfKey(keys.key)}`}`,
  );
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  const expected = error instanceof SpecError || (error as NodeJS.ErrnoException).code !== undefined;
  console.error(expected ? (error as Error).message : error);
  if (error instanceof IvaapError && error.hint !== undefined) console.error(`try: ${error.hint}`);
  process.exitCode = expected ? 2 : 70;
}
