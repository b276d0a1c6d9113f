import { validRange } from 'semver';
import { isBelow } from '../src/host/below.ts';
import type { Product } from '../src/payload/product-schema.ts';
import { pathNames } from '../src/policy/path-names.ts';
import { productPaths } from '../src/release/product-paths.ts';
import { queryMistakes } from './schema-query.ts';
import type { ReleaseSpec } from './release-spec.ts';
import type { SpecFile } from './spec-file.ts';

/** Programs that such a host has, and that no product may stand for. */
const hostNames = new Set(['k3s', 'kubectl', 'ctr', 'crictl', 'helm', 'psql', 'pg_dump', 'man', 'sudo']);

/**
 * What an install or upgrade would miss: limits that limit nothing, probes of nothing, connectors without
 * images.
 */
export function productMistakes(product: SpecFile<Product>, spec: ReleaseSpec): string[] {
  const { value, at } = product;
  const { archives } = spec;
  const unlimited = (['install', 'upgrade'] as const).filter(
    (kind) => value.requirements[kind].room.length === 0,
  );
  const unread =
    validRange(value.k3s.versionRange) === null
      ? [`${at(['k3s', 'versionRange'])}: "${value.k3s.versionRange}" is no range of versions`]
      : [];
  const twice = (['workloads', 'health'] as const).flatMap((list) => {
    const ids = value[list].map(({ id }) => id);
    return ids.flatMap((id, position) =>
      ids.indexOf(id) < position ? [`${at([list, position])}: the id ${id} comes twice`] : [],
    );
  });
  const names = Object.values(pathNames(value));
  const taken = names.filter((name, position) => names.indexOf(name) < position || hostNames.has(name));
  const selectors = new Set(value.workloads.map(({ selector }) => selector));
  const blind = [...value.health.entries()].filter(([, { selector }]) => !selectors.has(selector));
  const { connectorsFolder = '' } = value.archives;
  const absent = Object.entries(value.entitlements).filter(
    ([, { connector }]) => archives[`${connectorsFolder}/${connector}.tar.gz`] === undefined,
  );
  return [
    ...unread,
    ...twice,
    ...taken.map((name) => `${at(['onPath'])}: the name ${name} on PATH is taken`),
    ...unlimited.map(
      (kind) =>
        `${at(['requirements', kind, 'room'])}: ` +
        `requirements.${kind}.room names no free room: a threshold ` +
        'is missing',
    ),
    ...blind.map(
      ([position, { id, selector }]) =>
        `${at(['health', position])}: the health route ${id} looks at ${selector}, which no workload has`,
    ),
    ...absent.map(
      ([name, { connector }]) =>
        `${at(['entitlements', name])}: the release has no archive ${connectorsFolder}/${connector}.tar.gz`,
    ),
    ...queryMistakes(product),
    ...workloadMistakes(product),
    ...rehearsalMistakes(product),
    ...secretMistakes(product),
    ...placeMistakes(product),
    ...toolMistakes(product, spec),
  ];
}

/** A workload is named by its id inside of product.yaml, and has one kind, name and selector of its own. */
function workloadMistakes({ value, at }: SpecFile<Product>): string[] {
  const { workloads, values } = value;
  const id = values.autoMigrate?.workload;
  const named = workloads.filter(({ name }) => name === id).map((one) => one.id);
  const ids = workloads.map((one) => one.id);
  const unknown =
    id === undefined || ids.includes(id)
      ? []
      : [
          `${at(['values', 'autoMigrate', 'workload'])}: no workload has the id ${id}` +
            (named.length === 0 ? `: write one of the ids ${ids.join(', ')}` : asId(id, named)),
        ];
  const twice = workloads.flatMap(({ kind, name, selector }, position) => {
    const before = workloads.slice(0, position);
    const where = at(['workloads', position]);
    const same = before.find((one) => one.kind === kind && one.name === name);
    if (same !== undefined)
      return [`${where}: ${kind}/${name} comes twice, once as ${same.id}: take one out`];
    const shared = before.find((one) => one.selector === selector);
    return shared === undefined
      ? []
      : [
          `${where}: the selector ${selector} is that of ${shared.id} too: ` +
            'write one that its pods alone have',
        ];
  });
  return [...unknown, ...twice];
}

const asId = (name: string, [id = '']: readonly string[]): string =>
  `; ${name} is the name of one: write its id, workload: ${id}`;

/** A rehearsal starts the workload that migrates, with a login of its own. */
function rehearsalMistakes({ value: { rehearsal, values, database }, at }: SpecFile<Product>): string[] {
  if (rehearsal === undefined) return [];
  const missing = [
    ...(values.autoMigrate === undefined ? ['values.autoMigrate'] : []),
    ...(database.login === undefined ? ['database.login'] : []),
  ];
  return missing.map((key) => `${at(['rehearsal'])}: a rehearsal needs ${key}, which is missing: write it`);
}

/** What the installer makes has one maker, and the keys that others name. */
function secretMistakes({ value, at }: SpecFile<Product>): string[] {
  const { generatedSecrets, license, database } = value;
  const names = generatedSecrets.map(({ name }) => name);
  const twice = names.flatMap((name, position) => {
    const where = at(['generatedSecrets', position]);
    if (names.indexOf(name) < position)
      return [`${where}: the Secret ${name} comes twice: put its keys together`];
    return name === license?.secret
      ? [
          `${where}: the Secret ${name} is that of the licence (license.secret): ` +
            'give one of them another name',
        ]
      : [];
  });
  const secret = database.login?.secret;
  const generated = generatedSecrets.find(({ name }) => name === secret?.name);
  const lacking =
    secret === undefined || generated === undefined || Object.hasOwn(generated.keys, secret.key)
      ? []
      : [
          `${at(['database', 'login', 'secret', 'key'])}: generatedSecrets makes ${secret.name} ` +
            `without the key ${secret.key}: write one of its keys, ${Object.keys(generated.keys).join(', ')}`,
        ];
  return [...twice, ...lacking];
}

/** Nothing of an operator's may lie where each upgrade puts a folder in place of the one before. */
function placeMistakes({ value, at }: SpecFile<Product>): string[] {
  const { chart, installer, connectors, values } = productPaths(value);
  const ours = [
    { key: 'chart.folder', path: chart },
    { key: 'folder, for the installer', path: installer },
    ...(connectors === undefined ? [] : [{ key: 'archives.connectorsFolder', path: connectors }]),
  ];
  const theirs = [
    { keys: ['values', 'file'], path: values },
    { keys: ['database', 'volume', 'defaultPath'], path: value.database.volume.defaultPath },
  ];
  return theirs.flatMap(({ keys, path }) =>
    ours
      .filter((one) => isBelow(path, one.path))
      .map(
        (one) =>
          `${at(keys)}: ${keys.join('.')} lies in ${one.path} (${one.key}), which upgrades replace: ` +
          'write a place beside it',
      ),
  );
}

/** Tools that the product names have to be in the release. */
function toolMistakes({ value, at, written }: SpecFile<Product>, { tools }: ReleaseSpec): string[] {
  const tool = value.license?.tool;
  // The default names a tool that a release may have.
  return tool === undefined || written(['license', 'tool']) === undefined || tools[tool] !== undefined
    ? []
    : [
        `${at(['license', 'tool'])}: the release packs no tool ${tool}: add it to tools in the release's ` +
          'spec, or leave license.tool out',
      ];
}
