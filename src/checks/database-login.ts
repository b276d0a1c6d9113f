import { causeChain } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { sudo, toEdit } from '../shell-word.ts';
import type { KubeObject, Manifest } from '../host/kubectl.ts';
import { tryLogin } from '../host/postgres-login.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { decodeData } from '../release/secret-data.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

type Role = NonNullable<Product['database']['login']>;

export const databaseLogin: Check<UpgradeCheckContext> = {
  id: 'database-login',
  kind: 'outage',
  title: 'New pods can log in to the database',
  limit: 'the password that new pods get opens a session over the network',
  limitInFull:
    'the password in the Secret that new pods read opens a session, tried in the running ' +
    'database over its network address; a warning where that cannot be tried; not checked where ' +
    'the product names no such Secret',
  why: 'running pods keep their sessions even if the password has changed; new pods would crash',
  fix: 'give the role the password of the Secret',
  timeoutSeconds: 90,
  flows: ['upgrade'],
  applies: ({ product }) => product.database.login !== undefined,
  async measure(ctx) {
    const { login } = ctx.product.database;
    return login === undefined ? [] : tryPassword(ctx, login);
  },
};

/**
 * Running pods keep their sessions even if the role's password has changed; new pods would crash in a loop.
 */
async function tryPassword(
  { kubectl, database, product, rendered, values, signal }: UpgradeCheckContext,
  { user, secret }: Role,
): Promise<Measurement> {
  const { namespace } = product;
  const { container, name } = product.database;
  const part = `Secret/${secret.name}`;
  const unknown = (why: string): Measurement => ({
    part,
    outcome: 'warn',
    measured: `not known whether role ${user} can open a session: ${why}`,
    fix: `${sudo.kubectl} describe pod -n ${namespace} -l ${product.database.selector}`,
  });
  try {
    const own = (await rendered()).find(
      ({ kind, metadata }) =>
        kind === 'Secret' && metadata.name === secret.name && (metadata.namespace ?? namespace) === namespace,
    );
    const object = own ?? (await kubectl.get<Manifest>('secret', secret.name, { namespace, signal }));
    const password = object === undefined ? undefined : decodeData(object)[secret.key];
    if (password === undefined) return unknown(`${part} has no ${secret.key}`);
    const pod = await database.pod(signal);
    const running = await kubectl.get<PodAddress>('pod', pod, { namespace, signal });
    const address = running?.status?.podIP;
    if (address === undefined) return unknown(`pod ${pod} has no address`);
    const login = { address, user, database: name, password };
    const answer = await tryLogin(kubectl, { namespace, pod, container }, login, signal);
    if (answer.opened === undefined) return unknown(foreign(answer.message));
    if (answer.opened) return { outcome: 'ok', measured: `role ${user} opens a session` };
    return {
      part,
      outcome: 'fail',
      measured:
        `the database rejects the password of ${part} for role ${user}: new pods use ` +
        `it, running pods keep their sessions (${foreign(answer.message)})`,
      fix: own === undefined ? passwordOfSecret(product, { user, secret }, pod) : toEdit(values.path),
    };
  } catch (error) {
    if (signal.aborted) throw error;
    return unknown(causeChain(error)[0] ?? '');
  }
}

type PodAddress = KubeObject & { status?: { podIP?: string } };

/** Sets the role's password to the one in the Secret; it is passed through pipes, never as an argument. */
function passwordOfSecret(
  { namespace, database }: Pick<Product, 'namespace' | 'database'>,
  { user, secret }: Role,
  pod: string,
): string {
  const read =
    `${sudo.kubectl} get secret ${secret.name} -n ${namespace} -o ` +
    `jsonpath='{.data.${secret.key.replaceAll('.', String.raw`\.`)}}' | ` +
    'base64 -d';
  const psql = `psql -X -q -v ON_ERROR_STOP=1 -U ${database.user} -d ${database.name}`;
  // Octal 47 is a single quote; the script itself is in single quotes.
  const statements = String.raw`\\\\getenv p P\nALTER ROLE \"${user}\" PASSWORD :\047p\047;\n`;
  const script = `P=$(cat) && export P && printf "${statements}" | ${psql}`;
  const inPod = `-n ${namespace} ${pod} -c ${database.container}`;
  return `${read} | ${sudo.kubectl} exec -i ${inPod} -- sh -c '${script}'`;
}
