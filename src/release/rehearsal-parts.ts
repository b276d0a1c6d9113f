import { randomBytes } from 'node:crypto';
import { besideName } from '../backup/scratch-name.ts';
import { IvaapError } from '../errors.ts';
import type { KubeObject, Manifest } from '../host/kubectl.ts';
import { tryLogin } from '../host/postgres-login.ts';
import { foreign } from '../foreign.ts';
import type { Product } from '../payload/product-schema.ts';
import { rehearsalValues, type Told } from '../policy/rehearsal-pod.ts';
import { sudo } from '../shell-word.ts';
import type { RehearsalContext } from './context.ts';
import { rehearsalName, rehearsalObjects } from './rehearsal-objects.ts';
import { renderedWith } from './rendered-chart.ts';
import { decodeData } from './secret-data.ts';

/** What product data says of a rehearsal, complete. */
interface RehearsalFacts {
  rehearsal: NonNullable<Product['rehearsal']>;
  autoMigrate: NonNullable<Product['values']['autoMigrate']>;
  login: NonNullable<Product['database']['login']>;
}

/** Undefined where the product's data does not say how a migration is told of another database. */
export function rehearsalFacts({ rehearsal, values, database }: Product): RehearsalFacts | undefined {
  const { autoMigrate } = values;
  const { login } = database;
  if (rehearsal === undefined || autoMigrate === undefined || login === undefined) return undefined;
  return { rehearsal, autoMigrate, login };
}

/** The same; throws `bug` where the gate has let such a product pass. */
export function assertRehearsable(product: Product): RehearsalFacts {
  const facts = rehearsalFacts(product);
  if (facts === undefined) throw new IvaapError('bug', 'the product has no rehearsal');
  return facts;
}

/** A name that no copy and no role has, and a password that nobody knows. */
export const newCopy = ({ database }: Product, now: Date): RehearsalContext['copy'] => ({
  name: besideName(database.name, 'rehearsal', now),
  password: randomBytes(24).toString('base64url'),
});

export const timeoutSeconds = ({ rehearsal, helm }: Product): number =>
  rehearsal?.timeoutSeconds ?? helm.timeoutSeconds;

/** All objects of this rehearsal in the cluster. Throws where its pod would reach the live database. */
export async function objectsOf(ctx: RehearsalContext, signal: AbortSignal): Promise<Manifest[]> {
  const { product, kubectl, copy, hide } = ctx;
  const { rehearsal, autoMigrate, login } = assertRehearsable(product);
  const told: Told = {
    rehearsal,
    name: copy.name,
    secret: { name: rehearsalName(product), key: login.secret.key },
  };
  const { namespace } = product;
  const rendered = await renderedWith(ctx, rehearsalValues(told, autoMigrate), signal);
  const secret = await kubectl.get('secret', login.secret.name, { namespace, signal });
  const livePassword = secret === undefined ? '' : (decodeData(secret)[login.secret.key] ?? '');
  if (livePassword === '') {
    throw new IvaapError('preflight', `the Secret ${login.secret.name} has no ${login.secret.key}`, {
      hint: `${sudo.kubectl} describe secret ${login.secret.name} -n ${namespace}`,
    });
  }
  hide(livePassword);
  return rehearsalObjects(
    kubectl,
    {
      product,
      rendered,
      told,
      password: copy.password,
      live: { name: product.database.name, password: livePassword },
      timeoutSeconds: timeoutSeconds(product),
    },
    signal,
  );
}

type PodAddress = KubeObject & { status?: { podIP?: string } };

/**
 * Proves by logging in, as a pod would, that the role opens a session in its copy and in no other database.
 * Throws 'failed' where it is not so.
 */
export async function assertReachesCopyOnly(ctx: RehearsalContext, signal: AbortSignal): Promise<void> {
  const { kubectl, database, product, copy } = ctx;
  const { namespace } = product;
  const pod = await database.pod(signal);
  const address = (await kubectl.get<PodAddress>('pod', pod, { namespace, signal }))?.status?.podIP;
  const refused = (why: string) =>
    new IvaapError('failed', `its pod is not started: ${why}`, {
      hint: 'the live database is as it was; upgrade without a rehearsal',
    });
  if (address === undefined) throw refused(`pod ${pod} has no address`);
  const target = { namespace, pod, container: product.database.container };
  const login = (name: string) =>
    tryLogin(kubectl, target, { address, user: copy.name, password: copy.password, database: name }, signal);
  const own = await login(copy.name);
  if (own.opened !== true) throw refused(`its role cannot log in to the copy (${foreign(own.message)})`);
  const rows = await database.query('SELECT datname FROM pg_database', signal);
  for (const [name = ''] of rows) {
    if (name === copy.name) continue;
    const answer = await login(name);
    if (answer.opened === true) throw refused(`its role could log in to ${foreign(name)} as well`);
  }
}
