import { isDeepStrictEqual } from 'node:util';
import { unmarked } from '../src/foreign.ts';
import type { Manifest } from '../src/host/kubectl.ts';
import type { HealthRoute } from '../src/payload/product-schema.ts';
import { fieldAt, patchedValues, type PlainObject, valueAt } from '../src/policy/values-patches.ts';
import {
  chosenPort,
  ingressClassOf,
  noAddressOfItsOwn,
  type ServicePort,
  type ServiceSpec,
} from '../src/release/route-endpoint.ts';
import { defaultPort, type RouteTarget, routeTarget } from '../src/release/route-target.ts';
import type { Rendering } from './chart-render.ts';
import type { Findings } from './findings.ts';
import type { ReleaseFiles } from './spec-file.ts';
import { chartValues, templateValues } from './template-values.ts';

type At = (...keys: string[]) => string;

/** Each route with the place of its keys. */
const routesOf = ({ product }: ReleaseFiles): { route: HealthRoute; at: At }[] =>
  product.value.health.map((route, position) => ({
    route,
    at: (...keys) => product.at(['health', position, ...keys]),
  }));

/** What is wrong with the health routes before anything is rendered: `FILE:LINE: what`, each. */
export function healthMistakes(files: ReleaseFiles): string[] {
  const template = templateValues(files);
  const defaults = chartValues(files);
  return routesOf(files).flatMap(({ route, at }) => [
    ...expectationMistakes(route, at),
    ...certificateMistakes(route, at),
    ...defaultMistakes(route, at, defaults),
    ...(template === undefined ? [] : readMistakes(route, at, files, template)),
  ]);
}

/** Where the values file that a fresh install writes leads. */
function readMistakes(route: HealthRoute, at: At, files: ReleaseFiles, template: PlainObject): string[] {
  const target = targetIn(route, files, { path: 'the values template', root: template });
  return typeof target === 'string' ? [`${at()}: ${target}`] : portMistakes(route, at, target);
}

/** A route with these values and what the release's patches make of them, or why it cannot be read. */
function targetIn(
  route: HealthRoute,
  { spec, product }: ReleaseFiles,
  { path, root }: { path: string; root: PlainObject },
): RouteTarget | string {
  const patched = patchedValues(root, spec.value.release.valuesPatches);
  const fqdn = valueAt(patched, product.value.values.keys.fqdn);
  try {
    return routeTarget(route, { path, root: patched }, typeof fqdn === 'string' ? fqdn : '');
  } catch (error) {
    return unmarked((error as Error).message);
  }
}

function portMistakes({ id, port }: HealthRoute, at: At, target: RouteTarget): string[] {
  if (target.scheme === 'http' && target.port === 443)
    return [
      `${at('port')}: port 443 of the health route ${id} would be probed in plain http: ` +
        `it needs scheme: https${port === undefined ? '' : ', or another port'}`,
    ];
  return target.scheme === 'https' && target.port === 80
    ? [`${at('port')}: port 80 of the health route ${id} would be probed by https: it needs port: 443`]
    : [];
}

function expectationMistakes({ id, expectStatus, expectText, expectJson }: HealthRoute, at: At): string[] {
  const key = expectText !== undefined ? 'expectText' : expectJson !== undefined ? 'expectJson' : undefined;
  const hasBody = expectStatus !== 204 && (expectStatus < 300 || expectStatus > 399);
  return key === undefined || hasBody
    ? []
    : [
        `${at(key)}: an answer with status ${expectStatus} has no body for the ${key} of the ` +
          `health route ${id}`,
      ];
}

function certificateMistakes({ id, scheme, certificate }: HealthRoute, at: At): string[] {
  if (certificate !== undefined || scheme === undefined || scheme === 'http') return [];
  return [
    `${at('scheme')}: the health route ${id} may be asked by https and has no certificate: ` +
      'write { secret: NAME }, { caFile: PATH } or not-verified',
  ];
}

/** A default stands for what the chart does where the operator says nothing. */
function defaultMistakes(route: HealthRoute, at: At, defaults: PlainObject | undefined): string[] {
  const { id, path, scheme, host, port, via = {}, certificate = {} } = route;
  const inside = typeof certificate === 'string' ? {} : certificate;
  const said = { path, scheme, host, port, ...via, ...inside };
  return Object.entries(said).flatMap(([key, one]) => {
    if (typeof one !== 'object' || one.default === undefined) return [];
    const ofChart = fieldAt(defaults, one.values);
    if (ofChart === undefined || ofChart === null || isSame(key, ofChart, one.default)) return [];
    const place = key in via ? ['via', key] : key in inside ? ['certificate', key] : [key];
    return [
      `${at(...place)}: the health route ${id} takes ${JSON.stringify(one.default)} where the ` +
        `values do not say ${one.values.join('.')}, and the chart's values.yaml has ` +
        JSON.stringify(ofChart),
    ];
  });
}

/** A scheme has more than one spelling in values. */
const isSame = (key: string, ofChart: unknown, own: unknown): boolean => {
  if (key !== 'scheme' || typeof ofChart === 'string') return isDeepStrictEqual(String(ofChart), String(own));
  const isOn = typeof ofChart === 'object' && ofChart !== null ? Object.keys(ofChart).length > 0 : ofChart;
  return isOn === (own === 'https');
};

interface IngressPath {
  path?: string;
  pathType?: string;
}
interface IngressSpec {
  defaultBackend?: unknown;
  rules?: { host?: string; http?: { paths?: IngressPath[] } }[];
  tls?: unknown[];
}

/** Health routes that lead to nothing that the chart renders, with these values. */
export function routeFindings(files: ReleaseFiles, { manifests, given, combination }: Rendering): Findings {
  const found = routesOf(files).map(({ route, at }): Findings => {
    const target = targetIn(route, files, { path: `the values of ${combination}`, root: given });
    if (typeof target === 'string') return { mistakes: [`${at()}: ${target}`], warnings: [] };
    const { via } = target;
    const led =
      via.kind === 'service'
        ? { mistakes: serviceMistakes(route, at, { ...target, name: via.name }, manifests), warnings: [] }
        : ingressFindings(route, at, target, manifests);
    return { ...led, mistakes: [...portMistakes(route, at, target), ...led.mistakes] };
  });
  return {
    mistakes: found.flatMap(({ mistakes }) => mistakes),
    warnings: found.flatMap(({ warnings }) => warnings),
  };
}

function serviceMistakes(
  { id }: HealthRoute,
  at: At,
  target: RouteTarget & { name: string },
  manifests: readonly Manifest[],
): string[] {
  const { name, scheme } = target;
  const service = manifests.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name);
  if (service === undefined)
    return [`${at('via')}: the chart renders no Service/${name}, which the health route ${id} asks`];
  const spec = (service['spec'] ?? {}) as ServiceSpec;
  const port = chosenPort(name, spec, target);
  const fault = noAddressOfItsOwn(name, spec) ?? (typeof port === 'string' ? port : undefined);
  if (fault !== undefined) return [`${at('via')}: the health route ${id}: ${fault}`];
  const { name: portName = '', appProtocol = '' } = port as ServicePort & {
    name?: string;
    appProtocol?: string;
  };
  return scheme === 'http' && /^https\b/i.test(appProtocol === '' ? portName : appProtocol)
    ? [
        `${at('via')}: port ${(port as ServicePort).port} of Service/${name} is https by its name, and the ` +
          `health route ${id} would probe it in plain http: it needs scheme: https`,
      ]
    : [];
}

/** Routes of other kinds are not ours to read. */
function ingressFindings(
  { id }: HealthRoute,
  at: At,
  target: RouteTarget,
  manifests: readonly Manifest[],
): Findings {
  const { via, scheme, port = defaultPort(scheme), path, host } = target;
  const none = { mistakes: [], warnings: [] };
  if (manifests.some(({ kind }) => kind.endsWith('Route'))) return none;
  const all = manifests.filter(({ kind }) => kind === 'Ingress');
  const ofClass = via.kind === 'ingressClass' ? all.filter((one) => ingressClassOf(one) === via.name) : all;
  if (via.kind === 'ingressClass' && ofClass.length === 0) {
    const text = `the chart renders no Ingress of the class ${via.name}, which the health route ${id} asks`;
    return { mistakes: [`${at('via')}: ${text}`], warnings: [] };
  }
  const leading = ofClass.filter((one) => leads((one['spec'] ?? {}) as IngressSpec, { host, path }));
  if (leading.length === 0 && via.kind === 'address' && isServedByPort(manifests, port)) return none;
  if (leading.length === 0) {
    const ofHost = ofClass.some((one) => leads((one['spec'] ?? {}) as IngressSpec, { host: '', path }));
    const where = ofHost ? `${path} of the host ${host}` : path;
    const text = `no Ingress of the chart leads to ${where} of the health route ${id}`;
    return { mistakes: [`${at()}: ${text}`], warnings: [] };
  }
  const isPlain = leading.every((one) => {
    const { tls = [] } = (one['spec'] ?? {}) as IngressSpec;
    return tls.length === 0 && !/tls|ssl/i.test(JSON.stringify(one.metadata['annotations'] ?? {}));
  });
  if (scheme === 'http' || !isPlain) return none;
  const names = leading.map(({ metadata }) => `Ingress/${metadata.name}`).join(', ');
  return {
    mistakes: [],
    warnings: [
      `${at('scheme')}: ${names} has no tls, and the health route ${id} asks it by https: ` +
        'many controllers answer 404 then',
    ],
  };
}

/** An empty host is not known, and any rule may be meant. */
function leads(
  { defaultBackend, rules = [] }: IngressSpec,
  { host, path }: { host: string; path: string },
): boolean {
  const [asked = ''] = path.split('?');
  const name = host.toLowerCase();
  const isFor = (rule: string | undefined) =>
    rule === undefined ||
    rule === '' ||
    name === '' ||
    rule.toLowerCase() === name ||
    (rule.startsWith('*.') && name.split('.').slice(1).join('.') === rule.slice(2).toLowerCase());
  const isUnder = ({ path: one = '/', pathType }: IngressPath): boolean => {
    const prefix = one.replace(/\/+$/, '');
    return one === asked || (pathType !== 'Exact' && (asked === prefix || asked.startsWith(`${prefix}/`)));
  };
  if (defaultBackend !== undefined) return true;
  return rules.some((rule) => isFor(rule.host) && (rule.http?.paths ?? []).some(isUnder));
}

/** Whether the host listens at that port because of the chart: a node port, a load balancer, a host port. */
function isServedByPort(manifests: readonly Manifest[], port: number): boolean {
  const ports = manifests.flatMap((one) => {
    if (one.kind !== 'Service') return hostPorts(one);
    const { type, ports: all = [] } = (one['spec'] ?? {}) as ServiceSpec;
    if (type === 'LoadBalancer') return all.flatMap((each) => [each.port, each.nodePort]);
    return type === 'NodePort' ? all.map(({ nodePort }) => nodePort) : [];
  });
  return ports.includes(port);
}

function hostPorts(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(hostPorts);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    key === 'hostPort' && typeof one === 'number' ? [one] : hostPorts(one),
  );
}
