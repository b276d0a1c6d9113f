import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { checkRenderings } from '../../../build/chart-check.ts';
import { readReleaseSpec } from '../../../build/spec-file.ts';
import type { Product } from '../../../src/payload/product-schema.ts';
import type { IndexImage } from '../../../src/payload/format/index-schema.ts';
import { parseRendered } from '../../../src/release/rendered-chart.ts';
import { writeTinySpec } from '../../fixtures/tiny-payload.ts';

const folder = mkdtempSync(join(tmpdir(), 'chart-findings-'));
after(() => rmSync(folder, { recursive: true }));

const ours = 'registry.example/tiny/server:2026.1';
const digest = `sha256:${'a'.repeat(64)}`;
const container = (more = '', image = ours) =>
  `{ name: main, image: "${image}"${more === '' ? '' : `, ${more}`} }`;
const pod = (app: string, spec: string) => `
  template:
    metadata: { labels: { app: ${app} } }
    spec: ${spec}`;
const server = (spec: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: server }
spec: ${pod('server', spec)}
---`;
const plainServer = server(`{ containers: [${container()}] }`);
const ingress = `
kind: Ingress
metadata: { name: tiny }
spec: { defaultBackend: { service: { name: server } } }
---`;
const set = (spec: string, more = '', name = 'db') => `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: ${name} }
spec:
  ${more === '' ? 'replicas: 1' : more}${pod(name, spec)}
---`;
const database = set(
  `{ containers: [{ name: db, image: "${ours}", args: [--database=tinydb], volumeMounts: [{ name: data, ` +
    'mountPath: /data }] }], volumes: [{ name: data, persistentVolumeClaim: { claimName: tiny-db } }] }',
);
const rest = `${ingress}${plainServer}${database}`;

/** Of every image that is packed. */
const manifestDigest = `sha256:${'c'.repeat(64)}`;

const spec = (editSpec: (spec: Record<string, unknown>) => void = () => {}) =>
  readReleaseSpec(writeTinySpec(folder, { editSpec }));
/** The refusal, or the warnings. */
function judged(
  yaml: string | string[],
  files = spec(),
  values: readonly unknown[] = [],
  env: Record<string, string> = {},
): { refused: string } | { warnings: string[] } {
  const renderings = [yaml].flat().map((text, position) => {
    const { objects, hooks } = parseRendered(text);
    return {
      combination: `n=${position}`,
      manifests: [...objects, ...hooks],
      secretBytes: 1,
      values,
      given: {},
    };
  });
  try {
    const images = files.spec.value.images.map(
      ({ reference }) => ({ reference, manifest: { digest: manifestDigest } }) as IndexImage,
    );
    const variables = new Map(images.map(({ reference }) => [reference, new Map(Object.entries(env))]));
    return { warnings: checkRenderings({ files, images, variables }, renderings) };
  } catch (error) {
    assert.equal((error as Error).name, 'SpecError', (error as Error).stack);
    return { refused: (error as Error).message };
  }
}
const refused = (
  yaml: string | string[],
  message: RegExp,
  files = spec(),
  values: readonly unknown[] = [],
  env: Record<string, string> = {},
) => {
  const found = judged(yaml, files, values, env);
  assert.ok('refused' in found, `not refused: ${String(yaml)}`);
  assert.match(found.refused, /^\S+\.yaml:\d+: /);
  assert.match(found.refused, message);
};
const taken = (
  yaml: string | string[],
  warnings: RegExp[] = [],
  files = spec(),
  values: readonly unknown[] = [],
  env: Record<string, string> = {},
) => {
  const found = judged(yaml, files, values, env);
  assert.ok('warnings' in found, 'refused' in found ? found.refused : '');
  assert.equal(found.warnings.length, warnings.length, found.warnings.join('\n'));
  for (const [position, warning] of warnings.entries()) assert.match(found.warnings[position]!, warning);
};

describe('images of a rendering', () => {
  const other = 'registry.example/tiny/other:1';

  it('are those of every container, hook, job and volume', () => {
    taken(rest);
    const missing = new RegExp(`the image ${other} in .*, which is not in the payload`);
    const specs = [
      `{ containers: [${container('', other)}] }`,
      `{ initContainers: [${container('', other)}], containers: [${container()}] }`,
      `{ initContainers: [${container('restartPolicy: Always', other)}], containers: [${container()}] }`,
      `{ containers: [${container()}], volumes: [{ name: v, image: { reference: "${other}" } }] }`,
    ];
    for (const one of specs) refused(`${rest}${set(one, '', 'more')}`, missing);
    const cron = `
kind: CronJob
metadata: { name: nightly }
spec: { jobTemplate: { spec: { template: { spec: { containers: [${container('', other)}] } } } } }
---`;
    const test = `
kind: Pod
metadata: { name: test, annotations: { helm.sh/hook: test } }
spec: { containers: [${container('', other)}] }
---`;
    for (const one of [cron, test]) refused(`${rest}${one}`, missing);
  });

  it('may be spelt otherwise than in the spec', () => {
    const hub = spec(({ images, archives }) => {
      (images as object[]).push({ reference: 'nginx:3', ociLayout: 'oci' });
      (archives as Record<string, string[]>)['docker-images.tar.gz']!.push('docker.io/nginx:3');
    });
    for (const image of [
      'nginx:3',
      'docker.io/nginx:3',
      'docker.io/library/nginx:3',
      'index.docker.io/nginx:3',
    ])
      taken(`${rest}${set(`{ containers: [${container('', image)}] }`, '', 'web')}`, [], hub);
    for (const image of ['nginx:4', 'quay.io/nginx:3', `nginx:3@${digest}`])
      refused(
        `${rest}${set(`{ containers: [${container('', image)}] }`, '', 'web')}`,
        /not in the payload/,
        hub,
      );
    refused(
      `${rest}${set(`{ containers: [${container('', 'Nginx:3')}] }`, '', 'web')}`,
      /not in the payload/,
      hub,
    );
  });

  it('by digest are those of the payload under that digest, and a refusal names both', () => {
    const web = (image: string) => `${rest}${set(`{ containers: [${container('', image)}] }`, '', 'web')}`;
    const tagged = spec(({ images, archives }) => {
      (images as object[]).push({ reference: 'r.example/a:1', ociLayout: 'oci' });
      (archives as Record<string, string[]>)['docker-images.tar.gz']!.push('r.example/a:1');
    });
    refused(
      web(`r.example/a:1@${digest}`),
      new RegExp(
        `payload, which has r\\.example/a:1 with the digest ${manifestDigest}: ` +
          `.* pack the image that has ${digest}`,
      ),
      tagged,
    );
    for (const tag of ['', ':1', ':2'])
      refused(
        web(`r.example/a${tag}@${manifestDigest}`),
        new RegExp(
          'not in the payload by its digest, only as r\\.example/a:1, and kubelet .*: ' +
            `name r\\.example/a${tag}@${manifestDigest} in images and archives as well`,
        ),
        tagged,
      );
    const byDigest = spec(({ images, archives }) => {
      (images as object[]).push({ reference: `r.example/a:1@${digest}`, ociLayout: 'oci' });
      (archives as Record<string, string[]>)['docker-images.tar.gz']!.push(`r.example/a@${digest}`);
    });
    for (const tag of ['', ':1', ':2']) taken(web(`r.example/a${tag}@${digest}`), [], byDigest);
    refused(
      web('r.example/a:1'),
      new RegExp(`payload by its tag, only as r\\.example/a@${digest}, .* name r\\.example/a:1 in images`),
      byDigest,
    );
  });

  it('that an object assembles from parts are those with its digest', () => {
    const cluster = (parts: string) => `${rest}
kind: Cluster
metadata: { name: pg }
spec: { exporter: { registry: registry.example, repository: tiny/server, ${parts} } }
---`;
    taken(cluster('tag: 2026.1'));
    taken(cluster('tag: 2026.1, digest: ""'));
    for (const parts of [`digest: "${digest}"`, `tag: 2026.1, digest: "${digest}"`])
      refused(
        cluster(parts),
        new RegExp(
          `tiny/server(:2026.1)?@${digest} in .*, which has ${ours} with the digest ${manifestDigest}`,
        ),
      );
  });

  it('are never asked of a registry at the start of a pod', () => {
    const always = /imagePullPolicy Always.*none answers offline/;
    refused(
      `${ingress}${database}${server(`{ containers: [${container('imagePullPolicy: Always')}] }`)}`,
      always,
    );
    const latest = spec(({ images, archives }) => {
      for (const reference of ['r.example/a:latest', `r.example/b@${digest}`])
        (images as object[]).push({ reference, ociLayout: 'oci' });
      (archives as Record<string, string[]>)['docker-images.tar.gz']!.push(
        'r.example/a',
        `r.example/b@${digest}`,
      );
    });
    for (const image of ['r.example/a', 'r.example/a:latest'])
      refused(
        `${rest}${set(`{ containers: [${container('', image)}] }`, '', 'x')}`,
        /Always, the default without a version/,
        latest,
      );
    const kept = set(
      `{ containers: [${container('imagePullPolicy: IfNotPresent', 'r.example/a')}] }`,
      '',
      'x',
    );
    taken(`${rest}${kept}`, [/r\.example\/a in StatefulSet\/x names no version.*\(with n=0\)$/], latest);
    const pinned = (more: string) =>
      `${rest}${set(`{ containers: [${container(more, `r.example/b:latest@${digest}`)}] }`, '', 'x')}`;
    refused(pinned(''), /Always, the default for the tag latest, also before a digest/, latest);
    taken(pinned('imagePullPolicy: IfNotPresent'), [], latest);
    const mounted =
      `{ containers: [${container()}], volumes: [{ name: v, image: ` +
      `{ reference: "${ours}", pullPolicy: Always } }] }`;
    refused(`${rest}${set(mounted, '', 'x')}`, always);
  });

  const named: Record<string, string> = {
    'variable RELATED_IMAGE_SIDECAR': server(
      `{ containers: [${container(`env: [{ name: RELATED_IMAGE_SIDECAR, value: "${other}" }]`)}] }`,
    ),
    'variable WORKER_IMAGE': server(
      `{ containers: [${container(`env: [{ name: WORKER_IMAGE, value: "${other}" }]`)}] }`,
    ),
    '--sidecar-image': server(`{ containers: [${container(`args: ["--sidecar-image=${other}"]`)}] }`),
    '--image': server(`{ containers: [${container(`command: [operator, --image, "${other}"]`)}] }`),
    'a field of a custom resource': `${plainServer}
kind: Cluster
metadata: { name: pg }
spec: { instances: { deep: [{ imageName: x, image: "${other}" }] } }
---`,
    'registry, repository and tag': `${plainServer}
kind: Cluster
metadata: { name: pg }
spec: { exporter: { registry: registry.example, repository: tiny/other, tag: 1 } }
---`,
    "a ConfigMap's key": `${plainServer}
kind: ConfigMap
metadata: { name: operator }
data: { SIDECAR_IMAGE: "${other}" }
---`,
  };
  for (const [place, yaml] of Object.entries(named))
    it(`are those that something else names, too: ${place}`, () => {
      const all = `${ingress}${database}${yaml}`;
      refused(
        all,
        new RegExp(
          `names the image ${other} in .*, which is not in the payload: pack it, or list it in absentImages`,
        ),
      );
      taken(
        all,
        [],
        spec((text) => (text['absentImages'] = [other])),
      );
      taken(all.replaceAll(other, ours).replace('tiny/other, tag: 1', 'tiny/server, tag: "2026.1"'));
    });

  it('in a text are reported; what only looks like a name is not', () => {
    const config = (text: string) =>
      `${rest}\nkind: ConfigMap\nmetadata: { name: c }\ndata:\n  template.yaml: |\n    ${text}\n---`;
    taken(config(`image: "${other}"`), [
      /names the image .*other:1 in ConfigMap\/c \(in the text of template\.yaml\)/,
    ]);
    taken(config('image: logo.png'));
    const env = [
      'LOGO_IMAGE, value: /static/logo.png',
      'LOGO_IMAGE, value: logo.png',
      'A_IMAGE, value: "https://x.example/a:1"',
      'IMAGES, value: "a:1"',
      'PULL, value: "a:1"',
      'X_IMAGE, valueFrom: {}',
    ];
    for (const one of env)
      taken(`${ingress}${database}${server(`{ containers: [${container(`env: [{ name: ${one} }]`)}] }`)}`);
  });
});

describe('lists of a rendering', () => {
  const inServer = (more: string, podMore = '') =>
    `${ingress}${database}${server(`{ containers: [${container(more)}]${podMore} }`)}`;
  const twice: [string, RegExp][] = [
    [
      inServer('env: [{ name: A, value: x }, { name: B, value: y }, { name: A, value: z }]'),
      /env of main has A twice/,
    ],
    [
      inServer('ports: [{ containerPort: 80 }, { containerPort: 80, protocol: TCP }]'),
      /ports of main has 80 TCP twice/,
    ],
    [
      inServer('volumeMounts: [{ name: a, mountPath: /a }, { name: b, mountPath: /a }]'),
      /volumeMounts of main has \/a twice/,
    ],
    [inServer('', ', volumes: [{ name: a }, { name: a }]'), /volumes has a twice/],
    [inServer('', ', imagePullSecrets: [{ name: a }, { name: a }]'), /imagePullSecrets has a twice/],
    [inServer('', `, initContainers: [${container()}]`), /the list of containers has main twice/],
    [
      `${rest}\nkind: Service\nmetadata: { name: s }\nspec: { ports: ` +
        '[{ name: a, port: 1 }, { name: b, port: 1 }] }\n---',
      /Service\/s: ports has 1 TCP twice/,
    ],
    [
      `${rest}\nkind: Service\nmetadata: { name: s }\nspec: { ports: ` +
        '[{ name: a, port: 1 }, { name: a, port: 2 }] }\n---',
      /Service\/s: ports has a twice/,
    ],
    [inServer('env: [{ name: A, $patch: delete }]'), /Deployment\/server has \$patch, which is no field/],
    [
      `${rest}\nkind: Job\nmetadata: { name: j, annotations: { helm.sh/hook: pre-upgrade } ` +
        '}\nspec: { template: { spec: { containers: ' +
        `[${container('env: [{ name: A }, { name: A }]')}] } } }\n---`,
      /Job\/j: env of main has A twice/,
    ],
  ];
  for (const [yaml, message] of twice)
    it(`are refused as the API server would: ${message.source}`, () => refused(yaml, message));

  it('that only look alike are taken', () => {
    const custom =
      '\napiVersion: patches.example/v1\nkind: Patch\nmetadata: { name: p }\nspec: { $patch: ' +
      `delete, containers: [${container('env: [{ name: A }, { name: A }]')}] }\n---`;
    taken(`${rest}${custom}`);
    taken(
      inServer(
        'ports: [{ containerPort: 53 }, { containerPort: 53, ' +
          'protocol: UDP }], env: [{ name: A }, { name: a }]',
      ),
    );
    taken(
      `${rest}\nkind: Service\nmetadata: { name: s }\nspec: { ports: [{ name: ` +
        'a, port: 53 }, { name: b, port: 53, protocol: UDP }] }\n---',
    );
  });
});

describe("the database's volume", () => {
  const db = (mount: string, volumes: string, more = '') => {
    const container =
      `{ name: db, image: "${ours}", args: [tinydb], volumeMounts: [{ name: ` +
      `${mount}, mountPath: /data }] }`;
    return `${ingress}${plainServer}${set(`{ containers: [${container}], volumes: ${volumes} }`, more)}`;
  };
  const templates = (name: string) => `volumeClaimTemplates: [{ metadata: { name: ${name} }, spec: {} }]`;

  it('is the one that the database mounts', () => {
    refused(
      db('data', '[]', templates('data')),
      /product\.yaml:\d+: nothing mounts the claim tiny-db: the container db of StatefulSet\/db keeps its data on the claim data-db-0 that volumeClaimTemplates makes/,
    );
    refused(
      db('data', '[{ name: data, persistentVolumeClaim: { claimName: other } }]'),
      /keeps its data on the claim other/,
    );
    refused(db('data', '[{ name: data, emptyDir: {} }]'), /in an emptyDir, which ends with its pod/);
    refused(db('none', '[]'), /in its own file system/);
    const beside =
      '[{ name: data, emptyDir: {} }, { name: spare, persistentVolumeClaim: { claimName: tiny-db } }]';
    refused(db('data', beside), /nothing mounts the claim tiny-db/);
    refused(
      database.replace('name: db, image', 'name: server, image') + ingress + plainServer,
      /has no container db, which database\.container names/,
    );
  });

  it('may be a claim that a StatefulSet takes by its name', () => {
    const product = { database: { volume: { claim: 'data-db-0' } } };
    const files = spec();
    const { database: of } = files.product.value;
    const named = {
      ...files,
      product: {
        ...files.product,
        value: {
          ...files.product.value,
          database: { ...of, volume: { ...of.volume, ...product.database.volume } },
        },
      },
    };
    taken(db('data', '[]', templates('data')), [], named);
  });

  it('is made by the installer and not by the chart', () => {
    refused(
      `${rest}\nkind: PersistentVolumeClaim\nmetadata: { name: tiny-db }\n---`,
      /the chart makes PersistentVolumeClaim\/tiny-db itself/,
    );
    refused(
      `${rest}\nkind: PersistentVolume\nmetadata: { name: tiny-db }\n---`,
      /the chart makes PersistentVolume\/tiny-db itself/,
    );
  });

  it('is asked for in every combination that has a database, and one must', () => {
    const without = `${ingress}${plainServer}`;
    refused([without, without], /renders no pod with app=db: there is no database to dump/);
    taken([rest, without], [/renders no pod with app=db.*\(with n=1\)$/]);
  });

  it('is not the only one: what a deletion takes along is reported', () => {
    const redis = set(
      `{ containers: [${container('volumeMounts: [{ name: data, mountPath: /data }]')}] }`,
      templates('data'),
      'redis',
    );
    taken(`${rest}${redis}`, [/StatefulSet\/redis keeps data on data-redis-0 .*local-path deletes it/]);
    taken(`${rest}\nkind: PersistentVolumeClaim\nmetadata: { name: files }\n---`, [
      /PersistentVolumeClaim\/files belongs to the release/,
    ]);
    taken(
      `${rest}\nkind: PersistentVolumeClaim\nmetadata: { name: files, ` +
        'annotations: { helm.sh/resource-policy: keep } }\n---',
    );
    taken(`${rest}\nkind: StorageClass\nmetadata: { name: fast }\nreclaimPolicy: Delete\n---`, [
      /StorageClass\/fast deletes/,
    ]);
    taken(`${rest}\nkind: StorageClass\nmetadata: { name: fast }\nreclaimPolicy: Retain\n---`);
  });
});

describe('names of product.yaml', () => {
  type Change = (product: Product) => void;
  const changed = (change: Change) => {
    const files = spec();
    const value = structuredClone(files.product.value);
    change(value);
    return { ...files, product: { ...files.product, value } };
  };
  const autoMigrate = { path: ['migrate'], on: 'on', off: 'off', workload: 'server' };

  it('are those of the chart, and a refusal says which it has', () => {
    refused(
      rest,
      /no Deployment\/tiny: write kind and name of one that it renders: Deployment\/server, StatefulSet\/db/,
      changed(({ workloads }) => (workloads[0]!.name = 'tiny')),
    );
    refused(
      rest,
      /app=sever does not select the pods of Deployment\/server, which have app=server/,
      changed(({ workloads }) => (workloads[0]!.selector = 'app=sever')),
    );
  });

  it('select pods where a command is printed with them', () => {
    const restart = (restartSelector: string) =>
      changed(({ values }) => (values.autoMigrate = { ...autoMigrate, restartSelector }));
    taken(rest, [], restart('app=server'));
    refused(
      rest,
      /the selector app=sever selects no pod of the chart: write .* app=server/,
      restart('app=sever'),
    );
  });

  it('of secret values are paths that some values have', () => {
    const secret = (...path: string[]) => changed(({ values }) => (values.secrets = [path]));
    const given = [{ mail: { password: '', user: null } }, { db: { password: 'x' } }];
    taken(rest, [], secret('mail', 'password'), given);
    taken(rest, [], secret('mail', 'user'), given);
    taken(rest, [], secret('db', 'password'), given);
    refused(
      rest,
      /no values have mail\.pasword, .*: mail has password, user; write one of them, or the key/,
      secret('mail', 'pasword'),
      given,
    );
    refused(
      rest,
      /no values have male\.password, .*: the values have mail, db;/,
      secret('male', 'password'),
      given,
    );
  });
});

describe('what pods need', () => {
  const uses = (env: string, more = '') =>
    `${ingress}${database}${server(`{ containers: [${container(env)}]${more} }`)}`;
  const needy: [string, string, RegExp][] = [
    [
      'a Secret by a variable',
      uses('env: [{ name: A, valueFrom: { secretKeyRef: { name: s, key: k } } }]'),
      /Deployment\/server needs Secret\/s, which nobody makes: .*generatedSecrets, or list it in madeElsewhere/,
    ],
    ['a Secret for all variables', uses('envFrom: [{ secretRef: { name: s } }]'), /needs Secret\/s/],
    [
      'a Secret as a volume',
      uses('', ', volumes: [{ name: v, secret: { secretName: s } }]'),
      /needs Secret\/s/,
    ],
    [
      'a Secret among others',
      uses('', ', volumes: [{ name: v, projected: { sources: [{ secret: { name: s } }] } }]'),
      /needs Secret\/s/,
    ],
    [
      'a ConfigMap',
      uses('envFrom: [{ configMapRef: { name: c } }]'),
      /needs ConfigMap\/c, .*: render it, or list/,
    ],
    [
      'a claim',
      uses('', ', volumes: [{ name: v, persistentVolumeClaim: { claimName: c } }]'),
      /needs PersistentVolumeClaim\/c/,
    ],
    ['a service account', uses('', ', serviceAccountName: a'), /needs ServiceAccount\/a/],
  ];
  for (const [name, yaml, message] of needy)
    it(`is made by somebody: ${name}`, () => {
      refused(yaml, message);
      const [, object = ''] = /needs (\w+\\\/\w)/.exec(message.source)!;
      const listed = object.replace('\\', '');
      taken(
        yaml,
        [],
        spec((text) => (text['madeElsewhere'] = [listed])),
      );
      const [kind = '', own = ''] = listed.split('/');
      const rendered = `${yaml}\nkind: ${kind}\nmetadata: { name: ${own} }\n---`;
      taken(rendered, kind === 'PersistentVolumeClaim' ? [/belongs to the release/] : []);
    });

  it('is not what is optional, comes from Kubernetes, or is made by an object of another kind', () => {
    taken(uses('envFrom: [{ secretRef: { name: s, optional: true } }]'));
    taken(uses('', ', serviceAccountName: default, imagePullSecrets: [{ name: s }]'));
    taken(uses('', ', volumes: [{ name: v, configMap: { name: kube-root-ca.crt } }]'));
    const certificate =
      '\napiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: { name: c }\nspec: { ' +
      'secretName: s }\n---';
    taken(`${uses('envFrom: [{ secretRef: { name: s } }]')}${certificate}`);
  });

  it('has the keys that are asked for', () => {
    const yaml = uses('env: [{ name: A, valueFrom: { secretKeyRef: { name: s, key: k } } }]');
    const secret = (data: string) => `${yaml}\nkind: Secret\nmetadata: { name: s }\n${data}\n---`;
    taken(secret('stringData: { k: x }'));
    refused(secret('data: { l: eA== }'), /needs the key k of Secret\/s, which has l \(/);
    const items = uses(
      '',
      ', volumes: [{ name: v, secret: { secretName: s, items: [{ key: k, path: k }] } }]',
    );
    refused(`${items}\nkind: Secret\nmetadata: { name: s }\ndata: { l: eA== }\n---`, /needs the key k/);
    const generated = { ...spec() };
    generated.product = {
      ...generated.product,
      value: { ...generated.product.value, generatedSecrets: [{ name: 's', keys: { k: 24 } }] },
    };
    taken(yaml, [], generated);
  });
});

describe('the database', () => {
  const db = (more: string, mountPath = '/data', podMore = '') =>
    `${ingress}${plainServer}${set(
      `{ containers: [{ name: db, image: "${ours}", volumeMounts: [{ name: data, mountPath: ${mountPath} }]` +
        `${more} }], volumes: [{ name: data, persistentVolumeClaim: { claimName: tiny-db } }${podMore}] }`,
    )}`;
  const named = ', args: [tinydb]';
  const variable = (name: string, value: string) => `, env: [{ name: ${name}, value: "${value}" }]`;

  it('is of the major version that the release says', () => {
    const right: Record<string, string>[] = [
      { PG_MAJOR: '15' },
      { POSTGRESQL_VERSION: '15' },
      { BITNAMI_APP_NAME: 'postgresql', APP_VERSION: '15.3.0' },
      { APP_VERSION: '4.1' },
    ];
    for (const env of right) taken(db(named), [], spec(), [], env);
    const wrong: Record<string, string>[] = [
      { PG_MAJOR: '17' },
      { BITNAMI_APP_NAME: 'postgresql', APP_VERSION: '17.1.0' },
    ];
    for (const env of wrong)
      refused(
        db(named),
        /release\.yaml:\d+: release\.postgresMajor is 15, and the image .*server:2026\.1 of StatefulSet\/db is of PostgreSQL 17: write postgresMajor: 17/,
        spec(),
        [],
        env,
      );
    const tagged = spec(({ images, archives }) => {
      (images as object[]).push({ reference: 'postgres:17-alpine', ociLayout: 'oci' });
      (archives as Record<string, string[]>)['docker-images.tar.gz']!.push('postgres:17-alpine');
    });
    taken(
      db(named).replace(`name: db, image: "${ours}"`, 'name: db, image: "postgres:17-alpine"'),
      [/by its tag the image postgres:17-alpine of StatefulSet\/db is of PostgreSQL 17/],
      tagged,
    );
  });

  it('has the name that the chart makes', () => {
    taken(db(variable('POSTGRES_DB', 'tinydb')));
    for (const name of ['POSTGRES_DB', 'POSTGRESQL_DATABASE'])
      refused(
        db(variable(name, 'other')),
        new RegExp(
          `product\\.yaml:\\d+: database\\.name is tinydb, .* db of StatefulSet/db makes other ` +
            `\\(${name}\\): write name: other`,
        ),
      );
    // Made by a program, which is told so.
    taken(db(`${variable('POSTGRES_DB', 'other')}${named}`));
    taken(db(''), [/nothing that the chart renders names the database tinydb/]);
    const theirs = { PG_MAJOR: '15' };
    refused(db(variable('POSTGRES_USER', 'tiny')), /makes tiny \(POSTGRES_USER\)/, spec(), [], theirs);
    const from = ', envFrom: [{ secretRef: { name: s } }]';
    const secret = (name: string) =>
      `\nkind: Secret\nmetadata: { name: s }\ndata: { POSTGRES_DB: ` +
      `${Buffer.from(name).toString('base64')} }\n---`;
    taken(`${db(from)}${secret('tinydb')}`);
    refused(`${db(from)}${secret('other')}`, /makes other \(POSTGRES_DB\)/);
  });

  it('has the superuser that the chart makes, where the image is that of PostgreSQL', () => {
    const yaml = db(`${variable('POSTGRES_USER', 'admin')}${named}`);
    taken(yaml);
    refused(yaml, /database\.user is tiny, .* makes admin .*: write user: admin/, spec(), [], {
      PG_MAJOR: '15',
    });
  });

  it('keeps its data on the claim', () => {
    const env = { PGDATA: '/var/lib/postgresql/18/docker' };
    const elsewhere =
      /product\.yaml:\d+: .* mounts the claim tiny-db at \/var\/lib\/postgresql\/data, and keeps its data in \/var\/lib\/postgresql\/18\/docker \(PGDATA\), which is not on it/;
    refused(db(named, '/var/lib/postgresql/data'), elsewhere, spec(), [], env);
    taken(db(named, '/var/lib/postgresql'), [], spec(), [], env);
    taken(db(`${named}${variable('PGDATA', '/data/pg')}`, '/data'), [], spec(), [], env);
    taken(db(', args: [-c, data_directory=/data, tinydb]', '/data'), [], spec(), [], env);
    taken(db(named, '/data'));
  });
});
