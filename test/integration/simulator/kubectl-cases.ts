import { type Case, pick } from './helm-cases.ts';
import { json, namespace, type Said, type World } from './worlds.ts';

interface Item {
  kind: string;
  metadata: { name: string; uid?: string; resourceVersion?: string; generation?: number };
}

const inTiny = ['--namespace', namespace];
const apply = ['apply', '--server-side', '--field-manager=tiny', '--filename=-', ...inTiny];
const create = ['create', '--dry-run=server', '--filename=-', '--output=json', ...inTiny];

const map = (name: string, data: Record<string, string> = { a: 'one' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, labels: { app: name } },
  data,
});
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'Opaque',
  metadata: { name: 'password', labels: { app: 'tiny' } },
  data: { password: 'c2VjcmV0' },
};
const list = (...items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

/** One document each, as questions about many objects are asked. */
const texts = (...items: object[]) => items.map((item) => JSON.stringify(item)).join('\n---\n');

/** The kind of the answer, and of each object what the product reads. */
const shape = (said: Said) => {
  if (said.code !== 0 || said.stdout === '') return said;
  const [answer, ...more] = said.stdout
    .trim()
    .split(/\n(?=\{\n)/)
    .map((text) => JSON.parse(text) as Item & { items?: Item[] });
  if (answer === undefined) return said;
  const of = (item: Item) => ({
    ...pick(item, ['apiVersion', 'kind', 'data', 'type']),
    ...pick(item.metadata, ['name', 'namespace', 'labels']),
    hasUid: typeof item.metadata.uid === 'string',
    hasTime: typeof (item.metadata as { creationTimestamp?: string }).creationTimestamp === 'string',
  });
  return answer.items === undefined
    ? [answer, ...more].map(of)
    : {
        kind: answer.kind,
        items: answer.items.filter(({ metadata }) => metadata.name !== 'kube-root-ca.crt').map(of),
      };
};

const get = (...words: string[]) => ['get', ...words, '--output=json', ...inTiny];

export function kubectlCases(): Case[] {
  const asks = (name: string, args: readonly string[], stdin?: string): Case => ({
    name,
    ask: async (world) => shape(await world.kubectl(args, stdin)),
  });
  const codeOf = (name: string, args: readonly string[], stdin?: string): Case => ({
    name,
    ask: async (world) => (await world.kubectl(args, stdin)).code,
  });
  const one = async (world: World, name: string) =>
    json<Item>(await world.kubectl(get('configmap', name))).metadata;
  return [
    {
      name: 'the version of the API server',
      ask: async (world) =>
        json<{ serverVersion: { gitVersion: string } }>(await world.kubectl(['version', '--output=json']))
          .serverVersion.gitVersion,
    },
    asks('a namespace that is not there', ['get', 'namespace', namespace, '--output=json']),
    codeOf(
      'a namespace applied',
      apply,
      list({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }),
    ),
    {
      name: 'a namespace',
      ask: async (world) => {
        const found = json<Item & { status: object }>(
          await world.kubectl(['get', 'namespace', namespace, '--output=json']),
        );
        return { name: found.metadata.name, status: found.status };
      },
    },
    asks('a list of none', get('secrets')),
    asks('an object that is not there', get('secret', 'password')),
    asks('an object that may not be there', [...get('secret', 'password'), '--ignore-not-found']),
    codeOf('two objects applied', apply, list(secret, map('one'))),
    asks('an object', get('secret', 'password')),
    asks('a list', get('secrets')),
    asks('a list by a label', get('configmaps', '--selector', 'app=one')),
    asks('a list by a label that none has', get('configmaps', '--selector', 'app=two')),
    asks('lists of two kinds', get('secrets,configmaps')),
    asks('in all namespaces, by a label', [
      'get',
      'configmaps,secrets',
      '--output=json',
      '--all-namespaces',
      '--selector',
      'app',
    ]),
    { name: 'names', ask: (world) => world.kubectl(['get', 'secrets', '--output=name', ...inTiny]) },
    asks(
      'objects of a file, one of them not there',
      ['get', '--ignore-not-found', '--filename=-', '--output=json', ...inTiny],
      texts(map('one'), map('two')),
    ),
    asks(
      'objects of a file, two of them',
      ['get', '--ignore-not-found', '--filename=-', '--output=json', ...inTiny],
      texts(map('one'), secret),
    ),
    asks(
      'objects of a file, none of them there',
      ['get', '--ignore-not-found', '--filename=-', '--output=json', ...inTiny],
      texts(map('two')),
    ),
    asks(
      'applied to try, one that is there and one that is not',
      [
        ...apply.slice(0, 2),
        '--field-manager=helm',
        '--dry-run=server',
        '--filename=-',
        '--output=json',
        ...inTiny,
      ],
      texts(map('three'), map('two')),
    ),
    asks(
      'applied to try, a single one',
      [
        ...apply.slice(0, 2),
        '--field-manager=helm',
        '--dry-run=server',
        '--filename=-',
        '--output=json',
        ...inTiny,
      ],
      texts(map('two')),
    ),
    asks('what was tried is not there', get('configmap', 'two')),
    asks('made to try', create, texts(map('two'), map('three'))),
    asks('made to try, a single one', create, texts(map('two'))),
    asks('made to try, one that is there', create, texts(map('one'))),
    {
      name: 'an object that is changed keeps its uid',
      ask: async (world) => {
        const before = await one(world, 'one');
        await world.kubectl(apply, list(map('one', { a: 'two' })));
        const after = await one(world, 'one');
        return { uid: before.uid === after.uid, version: before.resourceVersion === after.resourceVersion };
      },
    },
    {
      name: 'an object that is applied as it is keeps its version',
      ask: async (world) => {
        const before = await one(world, 'one');
        await world.kubectl(apply, list(map('one', { a: 'two' })));
        const after = await one(world, 'one');
        return before.resourceVersion === after.resourceVersion;
      },
    },
    codeOf('a patch', [
      'patch',
      'configmap',
      'one',
      ...inTiny,
      '--type=merge',
      '--patch={"metadata":{"labels":{"app":"one","more":"yes"}},"data":{"a":null,"b":"three"}}',
    ]),
    asks('an object that was patched', get('configmap', 'one')),
    codeOf('a patch of what is not there', [
      'patch',
      'configmap',
      'two',
      ...inTiny,
      '--type=merge',
      '--patch={"data":{"a":null}}',
    ]),
    {
      name: 'an object that is made again has another uid',
      ask: async (world) => {
        const before = await one(world, 'one');
        const gone = await world.kubectl([
          'delete',
          'configmap',
          'one',
          '--ignore-not-found',
          '--wait=true',
          ...inTiny,
        ]);
        await world.kubectl(apply, list(map('one')));
        return { code: gone.code, uid: before.uid === (await one(world, 'one')).uid };
      },
    },
    {
      name: 'one deleted',
      ask: (world) =>
        world.kubectl(['delete', 'configmap', 'one', '--ignore-not-found', '--wait=true', ...inTiny]),
    },
    {
      name: 'one deleted that is not there',
      ask: (world) =>
        world.kubectl(['delete', 'configmap', 'one', '--ignore-not-found', '--wait=true', ...inTiny]),
    },
    asks('it is gone', get('configmap', 'one')),
    {
      name: 'a program in a pod that is not there',
      ask: (world) => world.kubectl(['exec', ...inTiny, 'db-0', '--container', 'db', '--', 'true']),
    },
  ];
}
