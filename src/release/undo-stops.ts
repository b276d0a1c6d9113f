import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { UndoPlan } from '../engine/step.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { getAll } from '../host/server-questions.ts';
import type { Product } from '../payload/product-schema.ts';
import type { StepContext } from './context.ts';
import { foreignOf, hasOurLabels, makersOf } from './ours.ts';
import { parseRendered } from './rendered-chart.ts';
import { settledContents } from './settled-contents.ts';
import { byNamespace } from './try-each.ts';
import { sudo } from '../shell-word.ts';

/** What stands against taking something away, by name: what somebody else has made or taken over. */

type Stop = UndoPlan['stops'][number];
type Asking = Pick<StepContext, 'kubectl' | 'product'>;

const mostNamed = 10;

/** Of an object that a step makes: undefined where it is ours or gone. */
export async function stopOf(
  { kubectl, product }: Asking,
  kind: string,
  name: string,
  namespace?: string,
): Promise<{ there: boolean; stop?: Stop }> {
  const found = await kubectl.get<KubeObject>(kind, name, { namespace });
  if (found === undefined) return { there: false };
  if (hasOurLabels(found, product)) return { there: true };
  const where = namespace === undefined ? '' : ` -n ${namespace}`;
  return {
    there: true,
    stop: {
      what: `${kind} ${name} does not have the labels of this installer: ${labelsText(found, product)}`,
      hint: `${sudo.kubectl} get ${kind} ${name}${where} --show-labels`,
    },
  };
}

function labelsText({ metadata: { labels = {} } }: KubeObject, { name, command }: Product): string {
  const wanted = { 'app.kubernetes.io/part-of': name, 'app.kubernetes.io/managed-by': command };
  return Object.entries(wanted)
    .filter(([label, value]) => labels[label] !== value)
    .map(([label, value]) => `${label} is ${foreign(labels[label] ?? 'missing')}, not ${value}`)
    .join(', ');
}

/** Objects of the product's Helm release that do not belong to it any more. */
export async function releaseStops(ctx: Pick<StepContext, 'kubectl' | 'product' | 'helm'>): Promise<Stop[]> {
  const { kubectl, product, helm } = ctx;
  if ((await helm.current()) === undefined) return [];
  const { objects } = parseRendered(await helm.manifest());
  const { signal } = new AbortController();
  const asked = [...byNamespace(objects, product.namespace)].map(([namespace, some]) =>
    getAll(kubectl, some, { namespace, signal }),
  );
  const live = (await Promise.all(asked)).flatMap((answer) => answer.objects);
  return makersOf(live, product)
    .filter(({ maker }) => maker !== 'release')
    .map(({ resource, why }) => ({
      what:
        `${resource} is in the Helm release ${product.release}, but belongs to others now ` +
        `(${foreign(why)})`,
      hint: `${sudo.kubectl} get ${resource.replace('/', ' ')} -n ${product.namespace} -o yaml`,
    }));
}

/** Objects in the product's namespace that nobody of us has made. */
export async function namespaceStops({ kubectl, product }: Asking, signal: AbortSignal): Promise<Stop[]> {
  const { namespace } = product;
  const contents = await settledContents(kubectl, product, signal);
  if (!contents.known) {
    const { why, hint = `${sudo.kubectl} get all -n ${namespace}` } = contents;
    return [{ what: `what is in the namespace ${namespace} is not known: ${why}`, hint }];
  }
  const found = foreignOf(contents.value).map(({ resource, why }) => `${resource} (${why})`);
  if (found.length === 0) return [];
  const more = found.length > mostNamed ? ` and ${found.length - mostNamed} more` : '';
  return [
    {
      what:
        `the namespace ${namespace} holds what this installer has not made: ` +
        `${foreign(found.slice(0, mostNamed).join(', '))}${more}`,
      hint:
        'move it to another namespace, or delete it: ' +
        `${sudo.kubectl} get all,configmaps,secrets,pvc -n ${namespace}`,
    },
  ];
}

/** Pods of others that mount the database's claim: it is only gone once none does, and nobody ends them. */
export async function claimStops({ kubectl, product }: Asking, signal: AbortSignal): Promise<Stop[]> {
  const { namespace, database } = product;
  const { claim } = database.volume;
  const contents = await settledContents(kubectl, product, signal);
  if (!contents.known) {
    const { why, hint = `${sudo.kubectl} get pods -n ${namespace}` } = contents;
    return [{ what: `who mounts the claim ${claim} is not known: ${why}`, hint }];
  }
  return foreignOf(contents.value)
    .filter(({ claims }) => claims.includes(claim))
    .map(({ name, resource }) => ({
      what: `${resource} mounts the claim ${claim}, and this installer has not made it`,
      hint: `to end it: ${sudo.kubectl} delete pod ${name} -n ${namespace}`,
    }));
}

/** The error of a run, or of a step, that must not remove anything. */
export function stoppedBy(
  code: 'preflight' | 'failed',
  stops: readonly Stop[],
  { again, program }: Pick<StepContext, 'again' | 'program'>,
): IvaapError | undefined {
  const [first, ...others] = stops;
  if (first === undefined) return undefined;
  const out = `to remove the product from this host instead: ${program} uninstall`;
  return new IvaapError(code, `nothing is removed: ${first.what}`, {
    hint: `${first.hint}\nthen: ${again()}\n${out}`,
    facts: others.length === 0 ? undefined : others.map(({ what }) => what),
  });
}
