import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { Redactor } from '../engine/redact.ts';
import { once } from '../release/once.ts';
import { readNamespace } from '../host/namespace-view.ts';
import { IvaapError } from '../errors.ts';
import { known } from '../known.ts';
import { isRoot } from '../host/system.ts';
import { absolutePath } from '../payload/absolute-path.ts';
import { assertSafeTarget } from '../queries/product-folder.ts';
import type { StatusReport } from '../queries/status-schema.ts';
import { queryStatus } from '../queries/status.ts';
import { openHost } from '../session/host-tools.ts';
import { type OpenedPayload, openOwnPayload } from '../session/opened-payload.ts';
import { type CommandPorts, onThisMachine } from '../session/ports.ts';
import { shellWord } from '../shell-word.ts';
import { answerLines } from '../ui/status-text.ts';
import { Cleaner } from './clean.ts';
import { collectOne } from './collect.ts';
import type { Collected, Document, Facts, SupportContext } from './collector.ts';
import { collectors } from './collectors/all.ts';
import { faultsOf } from './faults.ts';
import { knownSecrets } from './known-secrets.ts';
import { learnAll } from './learn-all.ts';
import { reportHtml } from './report-html.ts';
import type { BundleResult } from './bundle-schema.ts';
import { assertWritable, writeBundle } from './write-bundle.ts';
import { compactTime } from '../policy/compact-time.ts';

/** Of collecting; what follows needs no program and no disk but the one that is written to. */
const collectingMs = 45_000;

/** Until then texts are searched for secrets; to remove them takes about twice as long as to find them. */
const searchingMs = 50_000;

/** The API server's time for one answer, well within a collector's. */
const answerMs = 7000;

/**
 * Collects what support needs of this host into one archive; changes nothing else. Works with the cluster
 * down and without root: what is missing is named.
 */
export async function supportBundle(
  { output }: { output: string | undefined },
  given: CommandPorts,
): Promise<BundleResult> {
  const started = performance.now();
  const ports = onThisMachine(given);
  const opened = await openOwnPayload(ports.machine);
  try {
    const { product } = opened;
    const folder = `${product.name}-support-${compactTime(new Date())}`;
    const path = absolutePath(output ?? `${folder}.tar.gz`);
    await assertSafeTarget(path, product.folder);
    const limits = product.reserve;
    const again = (other: string) => ports.again({ add: [`--output ${shellWord(other)}`] });
    await assertWritable(path, { limits, again });
    const facts: Facts = {};
    const cleaner = new Cleaner();
    const outer = AbortSignal.any([ports.signal, AbortSignal.timeout(collectingMs)]);
    const ctx = contextOf(opened, { ports, facts, cleaner, signal: outer });
    const [secrets, ...parts] = await Promise.all(
      [knownSecrets, ...collectors].map((collector) => collectOne(collector, ctx, outer)),
    );
    ports.signal.throwIfAborted();
    const faults = faultsOf(facts, opened, ports.program);
    for (const { title, facts: lines } of faults) cleaner.learn([title, ...lines].join('\n'));
    const { signal } = ports;
    const untilMs = started + searchingMs;
    const collected = await learnAll(cleaner, [...parts, secrets!], { untilMs, signal });
    const clean = (one: Collected): Collected => ({
      ...one,
      documents: one.documents.map(({ name, text }) => ({ name, text: cleaner.text(text) })),
      ...(one.missing === undefined ? {} : { missing: cleaner.text(one.missing) }),
    });
    const report = {
      title: `${product.title}: support bundle`,
      about: aboutLines(opened, facts).map(([name, value]) => [name, cleaner.text(value)] as const),
      faults: faults.map(({ title, facts: lines, hint, ...fault }) => ({
        ...fault,
        title: cleaner.text(title),
        facts: lines.map((line) => cleaner.text(line)),
        ...(hint === undefined ? {} : { hint: cleaner.text(hint) }),
      })),
      collected: collected.map(clean),
    };
    const summary = {
      at: new Date().toISOString(),
      faults: report.faults,
      collected: report.collected.map(({ documents, tookMs, ...part }) => ({
        ...part,
        tookMs: Math.round(tookMs),
        files: documents.map(({ name }) => name),
      })),
    };
    const documents: Document[] = [
      { name: 'index.html', text: reportHtml(report) },
      { name: 'bundle.json', text: `${JSON.stringify(summary, null, 2)}\n` },
      ...report.collected.flatMap(({ id, documents: files }) =>
        files.map(({ name, text }) => ({ name: `${id}/${name}`, text: `${text.trimEnd()}\n` })),
      ),
    ];
    const written = await writeBundle(path, documents, { folder, limits, signal });
    return { path, ...written, ...summary };
  } finally {
    await opened.payload.close();
  }
}

function contextOf(
  opened: OpenedPayload,
  {
    ports,
    facts,
    cleaner,
    signal,
  }: {
    ports: ReturnType<typeof onThisMachine>;
    facts: Facts;
    cleaner: Cleaner;
    signal: AbortSignal;
  },
): Omit<SupportContext, 'add' | 'signal'> {
  const { machine, program } = ports;
  const { namespace } = opened.product;
  const reporter = { redactor: new Redactor(), report: () => {} };
  const tools = once(() => openHost(opened.product, { machine, reporter, signal }));
  // One query first: without an answer, each further one would wait for its own timeout.
  const host = once(async () => {
    const { kubeconfig } = opened.product.k3s;
    if (!isRoot() && !isReadable(kubeconfig)) {
      // kubectl only fails without it, which says nothing of the cluster.
      const unread = { known: false as const, why: `only root can read ${kubeconfig}`, hint: ports.again() };
      facts.cluster = unread;
      throw new IvaapError('preflight', unread.why, { hint: unread.hint });
    }
    const found = await tools();
    const late = AbortSignal.timeout(answerMs);
    const scope = { timeoutMs: answerMs / 2, signal: AbortSignal.any([signal, late]) };
    const asked = await known(found.kubectl.serverVersion(scope));
    const silent = `the Kubernetes API server does not answer within ${answerMs / 1000} s`;
    facts.cluster = late.aborted ? { known: false, why: silent } : asked;
    if (facts.cluster.known) return found;
    const { why, hint } = facts.cluster;
    throw new IvaapError('failed', why, hint === undefined ? {} : { hint });
  });
  return {
    opened,
    machine,
    ports,
    facts,
    runner: machine.createRunner(),
    tools,
    host,
    status: once(async () => (facts.status = await queryStatus({ machine, signal, program }))),
    namespace: once(async () => readNamespace((await host()).kubectl, { namespace, signal })),
    hide: (secret) => cleaner.hide(secret),
  };
}

const aboutLines = ({ product, release }: OpenedPayload, { status }: Facts): [string, string][] => [
  ['Host', hostname()],
  ['Collected', new Date().toISOString()],
  ['Product', product.title],
  ['This package', release.version],
  ...(status === undefined ? [] : statusRows(status)),
  ...(isRoot() ? [] : [['Without root', 'what only root may read is missing'] as [string, string]]),
];

/** Without the command to try: it may be this one, and each fault has its own. */
function statusRows(status: StatusReport): [string, string][] {
  const lines = answerLines({ ...status, upgrade: { ...status.upgrade, hint: null } });
  return lines.map((line, at) => [at === 0 ? 'Status' : '', line]);
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EACCES';
  }
}
