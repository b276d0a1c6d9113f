import type { Manifest } from '../src/host/kubectl.ts';
import { normalizedReference, repositoryOf, versionOf } from '../src/images/reference.ts';
import { databasePods, mountsOfClaim } from './chart-volumes.ts';
import type { Findings } from './findings.ts';
import type { Json, JsonObject } from './manifest-json.ts';
import { isObject, nameOf, objectsIn } from './manifest-json.ts';
import type { ReleaseFiles } from './spec-file.ts';

/** Image, as the runtime has it -> the variables of its configuration. */
type ImageVariables = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * What the chart and the image of the database say of it, against what product and release say: its major
 * version, its name, its superuser, and where it keeps its data.
 */
export function checkDatabase(
  files: ReleaseFiles,
  images: ImageVariables,
  manifests: readonly Manifest[],
): Findings {
  const { database } = files.product.value;
  const found: { mistakes: string[]; warnings: string[] } = { mistakes: [], warnings: [] };
  const pods = databasePods(files.product.value, manifests);
  for (const { owner, spec } of pods) {
    const container = objectsIn(spec['containers']).find(({ name }) => name === database.container);
    if (container === undefined || typeof container['image'] !== 'string') continue;
    const server: Server = {
      object: nameOf(owner),
      image: container['image'],
      ofImage: images.get(normalizedReference(container['image'])) ?? new Map(),
      told: variablesOf(container, manifests),
      words: JSON.stringify([container['command'], container['args']]),
      mounts: objectsIn(container['volumeMounts']).map(({ mountPath }) => String(mountPath)),
      claimed: mountsOfClaim(spec, container, database.volume.claim),
    };
    const { mistakes, warnings } = majorFindings(files, server);
    found.mistakes.push(
      ...mistakes,
      ...nameMistakes(files, server, manifests),
      ...folderMistakes(files, server),
    );
    found.warnings.push(...warnings);
  }
  const isNamed = pods.length === 0 || found.mistakes.length > 0 || isSpoken(database.name, manifests);
  if (!isNamed)
    found.warnings.push(
      `${files.product.at(['database', 'name'])}: nothing that the chart renders names the database ` +
        `${database.name}: no dump can be taken where the image does not make it`,
    );
  return found;
}

interface Server {
  object: string;
  image: string;
  ofImage: ReadonlyMap<string, string>;
  /** undefined: set, to what no rendering shows. */
  told: ReadonlyMap<string, string | undefined>;
  words: string;
  mounts: string[];
  /** Where it mounts the product's claim. */
  claimed: string[];
}

/** As the images of PostgreSQL, of Red Hat and of Bitnami say it. */
function majorFindings({ spec }: ReleaseFiles, { object, image, ofImage }: Server): Findings {
  const { postgresMajor } = spec.value.release;
  const where = spec.at(['release', 'postgresMajor']);
  const said =
    ofImage.get('PG_MAJOR') ??
    ofImage.get('POSTGRESQL_VERSION') ??
    (ofImage.get('BITNAMI_APP_NAME') === 'postgresql' ? ofImage.get('APP_VERSION') : undefined);
  const major = /^\d+/.exec(said ?? '')?.[0];
  const differs = (what: string, other: string) =>
    `${where}: release.postgresMajor is ${postgresMajor}, and ${what} of ${object} is of ` +
    `PostgreSQL ${other}: write postgresMajor: ${other}`;
  if (major !== undefined)
    return Number(major) === postgresMajor
      ? { mistakes: [], warnings: [] }
      : { mistakes: [differs(`the image ${image}`, major)], warnings: [] };
  // Other names and tags may count the product's own releases.
  const tagged = /\/postgres(?:ql)?$/.test(repositoryOf(image) ?? '')
    ? /^(\d\d)(?:[.-]|$)/.exec(versionOf(image)?.tag ?? '')?.[1]
    : undefined;
  return tagged === undefined || Number(tagged) === postgresMajor
    ? { mistakes: [], warnings: [] }
    : { mistakes: [], warnings: [`${differs(`by its tag the image ${image}`, tagged)}, if that is so`] };
}

/** Only what is set and shows in the rendering speaks against product.yaml. */
function nameMistakes(
  { product }: ReleaseFiles,
  { object, ofImage, told }: Server,
  manifests: readonly Manifest[],
): string[] {
  const { name, user, container } = product.value.database;
  // Of the image of PostgreSQL: the superuser, after whom the database is named where nothing else says.
  const isTheirs = ofImage.has('PG_MAJOR');
  const variable = ['POSTGRES_DB', 'POSTGRESQL_DATABASE', 'POSTGRES_DATABASE', 'POSTGRES_USER'].find(
    (one) => told.has(one) && (one !== 'POSTGRES_USER' || isTheirs),
  );
  const made = variable === undefined ? undefined : told.get(variable);
  const superuser = isTheirs ? told.get('POSTGRES_USER') : undefined;
  const says = (key: string, value: string, by: string, other: string) =>
    `${product.at(['database', key])}: database.${key} is ${value}, and the container ` +
    `${container} of ${object} makes ${other} (${by}): write ${key}: ${other}`;
  return [
    ...(made === undefined || made === name || isSpoken(name, manifests)
      ? []
      : [says('name', name, variable!, made)]),
    ...(superuser === undefined || superuser === user
      ? []
      : [says('user', user, 'POSTGRES_USER', superuser)]),
  ];
}

/** The data have to lie on the claim, not only something beside them. */
function folderMistakes(
  { product }: ReleaseFiles,
  { object, ofImage, told, words, mounts, claimed }: Server,
): string[] {
  const folder = told.has('PGDATA') ? told.get('PGDATA') : ofImage.get('PGDATA');
  // Said otherwise, where nobody here reads it.
  if (folder === undefined || claimed.length === 0 || /data_directory|"-D|config[_-]file/.test(words))
    return [];
  const below = (path: string) => `${folder}/`.startsWith(`${path.replace(/\/+$/, '')}/`);
  const nearest = mounts.filter(below).sort((a, b) => b.length - a.length)[0];
  if (nearest !== undefined && claimed.includes(nearest)) return [];
  const { container, volume } = product.value.database;
  return [
    `${product.at(['database', 'volume'])}: the container ${container} of ${object} mounts the claim ` +
      `${volume.claim} at ${claimed.join(' and ')}, and keeps its data in ${folder} (PGDATA), ` +
      'which is not on it: mount the claim there, or above it',
  ];
}

/** Variables of a container, from ConfigMaps and Secrets of the chart as well. */
function variablesOf(container: JsonObject, manifests: readonly Manifest[]): Map<string, string | undefined> {
  const contents = (kind: string, reference: Json): JsonObject | undefined => {
    const name = isObject(reference) ? reference['name'] : undefined;
    const object = manifests.find((one) => one.kind === kind && one.metadata.name === name);
    if (object === undefined) return undefined;
    const { data, stringData } = object as unknown as JsonObject;
    const encoded = isObject(data) ? Object.entries(data) : [];
    return {
      ...Object.fromEntries(
        encoded.map(([key, value]) => [
          key,
          kind === 'Secret' ? Buffer.from(String(value), 'base64').toString() : value,
        ]),
      ),
      ...(isObject(stringData) ? stringData : {}),
    };
  };
  const text = (value: Json) => (typeof value === 'string' ? value : undefined);
  const one = (kind: string, reference: Json) =>
    isObject(reference) ? text(contents(kind, reference)?.[String(reference['key'])]) : undefined;
  const told = new Map<string, string | undefined>();
  for (const { configMapRef, secretRef, prefix } of objectsIn(container['envFrom']))
    for (const [kind, reference] of Object.entries({ ConfigMap: configMapRef, Secret: secretRef }))
      for (const [key, value] of Object.entries(contents(kind, reference) ?? {}))
        told.set(`${typeof prefix === 'string' ? prefix : ''}${key}`, text(value));
  for (const { name, value, valueFrom } of objectsIn(container['env'])) {
    const from = isObject(valueFrom) ? valueFrom : {};
    const found =
      text(value) ?? one('ConfigMap', from['configMapKeyRef']) ?? one('Secret', from['secretKeyRef']);
    // What is put together from other variables is not put together here.
    told.set(String(name), found?.includes('$(') === true ? undefined : found);
  }
  return told;
}

/** Whether a word stands by itself in some text of what is rendered, names of objects and images aside. */
function isSpoken(word: string, value: Json): boolean {
  const alone = new RegExp(`(?<![\\w-])${word.replace(/[^\w]/g, String.raw`\$&`)}(?![\\w-])`);
  const inside = (one: Json, key: string): boolean => {
    if (typeof one === 'string')
      return key !== 'image' && (alone.test(one) || alone.test(Buffer.from(one, 'base64').toString()));
    if (Array.isArray(one)) return (one as Json[]).some((member) => inside(member, key));
    return (
      isObject(one) &&
      Object.entries(one).some(([name, member]) => !structure.has(name) && inside(member, name))
    );
  };
  return inside(value, '');
}

/** Keys below which names of objects stand, and nothing that a program reads. */
const structure = new Set([
  'apiVersion',
  'claimName',
  'kind',
  'matchLabels',
  'metadata',
  'name',
  'secretName',
  'selector',
  'serviceName',
]);
