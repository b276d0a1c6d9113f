import { hostIdentity } from '../host/host-identity.ts';
import { type AskLmstat, type PackedTool, withLmutil } from '../host/lmutil.ts';
import { type PortAnswer, probePorts } from '../host/port-probe.ts';
import type { Runner } from '../host/runner.ts';
import type { Known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Payload } from '../payload/reader.ts';
import { featureOf, type License } from '../policy/entitlements.ts';
import { asPortAtHost, defaultServerPorts, type LicenseServer } from '../policy/flexnet-values.ts';
import { type EntitlementVerdict, judgeEntitlement, withServerAnswer } from '../policy/license-verdict.ts';
import { type LmstatAnswer, readLmstat } from '../policy/lmstat.ts';

/** A server of the licence, and what answered there. */
export type ServerFinding = LicenseServer & { answer: PortAnswer };

export interface EntitlementFinding extends EntitlementVerdict {
  entitlement: string;
  feature: string;
  /** What lmstat said of it; undefined: it was not asked. */
  lmstat: LmstatAnswer['feature'] | undefined;
}

/** Of all servers together. A triad works with two of three. */
export type ServerState =
  /** The licence names none, and needs none. */
  | 'none'
  /** It names none although its licences are counted. */
  | 'not named'
  | 'reachable'
  /** Enough of a triad, but not all. */
  | 'partly'
  | 'unreachable';

export interface LicenseFindings {
  entitlements: EntitlementFinding[];
  servers: ServerFinding[];
  server: ServerState;
  /** Whether lmstat was asked, or why not. */
  lmstat: Known<'up' | 'down' | 'unknown'>;
  /** What of the licence was not understood, or deserves a look. */
  notes: string[];
}

export interface LicenseHost {
  runner: Runner;
  payload: Pick<Payload, 'index' | 'entry' | 'streamEntry'>;
  signal: AbortSignal;
  now(): Date;
}

const connectTimeoutMs = 3000;

/**
 * Checks a licence for the entitlements of a product: what it says, whether its servers take a connection,
 * and what `lmstat` says where the payload carries it. Changes nothing.
 */
export async function checkLicense(
  license: License,
  product: Pick<Product, 'entitlements' | 'license'>,
  { runner, payload, signal, now }: LicenseHost,
): Promise<LicenseFindings> {
  const names = product.entitlements;
  const judging = { names, now: now(), host: hostIdentity() };
  const judged = Object.keys(names).map((entitlement) => ({
    entitlement,
    feature: featureOf(names, entitlement),
    ...judgeEntitlement(license, entitlement, judging),
  }));
  const servers = await probeServers(license, signal);
  const state = serverState(license, servers);
  const asked = await askServers({ product, runner, payload, signal }, { servers, state, judged });
  const entitlements = judged.map((one): EntitlementFinding => {
    const answer = asked.answers.get(one.entitlement)?.feature;
    return answer === undefined
      ? { ...one, lmstat: undefined }
      : { ...one, ...withServerAnswer(one, answer, one.entitlement, judging), lmstat: answer };
  });
  const said = asked.lmstat.known ? asked.lmstat.value : 'unknown';
  return {
    entitlements,
    servers,
    // A license manager that answers knows better than a connection.
    server: said === 'down' ? 'unreachable' : said === 'up' && state === 'unreachable' ? 'partly' : state,
    lmstat: asked.lmstat,
    notes: notesOf(license, product),
  };
}

/** On the server's own host the file may say so instead of a name. */
const reachedAs = (host: string) => (/^this_host$/i.test(host) ? 'localhost' : host);

function probeServers({ flexnet }: License, signal: AbortSignal): Promise<ServerFinding[]> {
  return Promise.all(
    (flexnet?.servers ?? []).slice(0, 9).map(async (server) => {
      const { host, port } = server;
      const ports = port === undefined ? defaultServerPorts : [port];
      return {
        ...server,
        answer: await probePorts({ host: reachedAs(host), ports, timeoutMs: connectTimeoutMs, signal }),
      };
    }),
  );
}

function serverState({ flexnet }: License, servers: readonly ServerFinding[]): ServerState {
  if (flexnet === undefined) return 'none';
  if (servers.length === 0) {
    const counted = [...flexnet.features.values()].flat().some(({ count }) => typeof count === 'number');
    return flexnet.useServer || counted ? 'not named' : 'none';
  }
  const up = servers.filter(({ answer }) => answer.answered).length;
  if (up === servers.length) return 'reachable';
  return up > servers.length / 2 ? 'partly' : 'unreachable';
}

interface Questions {
  product: Pick<Product, 'entitlements' | 'license'>;
  runner: Runner;
  payload: LicenseHost['payload'];
  signal: AbortSignal;
}

/**
 * What lmstat says, by entitlement. It is asked only where a port took a connection: it waits long for one.
 */
async function askServers(
  { product, runner, payload, signal }: Questions,
  found: {
    servers: readonly ServerFinding[];
    state: ServerState;
    judged: readonly { entitlement: string; feature: string }[];
  },
): Promise<{ lmstat: LicenseFindings['lmstat']; answers: Map<string, LmstatAnswer> }> {
  const answers = new Map<string, LmstatAnswer>();
  const not = (why: string) => ({ lmstat: { known: false, why } as const, answers });
  if (found.servers.length === 0) return not('the licence names no server');
  const packed = await packedTool(payload, product.license?.tool ?? 'lmutil');
  if (packed === undefined) return not('this file carries no lmutil');
  if (!found.servers.some(({ answer }) => answer.answered))
    return not('no port of a server took a connection');
  const servers = found.servers.map((server) => asPortAtHost(answeredAt(server))).join(',');
  const said = await withLmutil(runner, packed, signal, (ask: AskLmstat) =>
    Promise.all(
      found.judged.map(async ({ entitlement, feature }) => {
        const output = await ask(servers, feature);
        if (output.known) answers.set(entitlement, readLmstat(output.value, feature));
        return output;
      }),
    ),
  );
  signal.throwIfAborted();
  const states = new Set([...answers.values()].map(({ server }) => server));
  const silent = said.find((one) => !one.known);
  if (states.size === 0) return not(silent?.known === false ? silent.why : 'the product has no entitlements');
  const state = states.has('up') ? 'up' : states.has('down') ? 'down' : 'unknown';
  return { lmstat: { known: true, value: state }, answers };
}

/** With the port that answered, where the licence names none. */
const answeredAt = ({ host, port, answer }: ServerFinding): LicenseServer => ({
  host: reachedAs(host),
  port: port ?? (answer.answered ? answer.port : undefined),
});

async function packedTool(payload: LicenseHost['payload'], name: string): Promise<PackedTool | undefined> {
  const tool = (await payload.index()).tools[name];
  if (tool === undefined) return undefined;
  const { sha256 } = await payload.entry(tool.entry);
  return { name, sha256, source: () => payload.streamEntry(tool.entry) };
}

function notesOf({ flexnet }: License, product: Pick<Product, 'entitlements'>): string[] {
  if (flexnet === undefined) return [];
  const repeated = Object.keys(product.entitlements)
    .map((name) => featureOf(product.entitlements, name))
    .filter((feature) => flexnet.repeated.has(feature));
  return [
    ...flexnet.problems,
    ...repeated.map((name) => `FEATURE ${name} comes several times; a daemon may read only the first`),
    ...(flexnet.servers.length === 2 ? ['two SERVER lines are no triad: FlexNet has one or three'] : []),
  ];
}
