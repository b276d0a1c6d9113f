import { isIP } from 'node:net';
import type { Kubectl, KubeObject, Manifest } from '../host/kubectl.ts';
import { defaultPort, type RouteTarget } from './route-target.ts';

/** Where the connections of a route go. */
export interface Endpoint {
  address: string;
  /** Of the first request, in its URL as well. */
  port: number;
  /** What to connect to for a port in a URL; undefined: nothing is known to serve it. */
  portOf(this: void, port: number): number | undefined;
}

interface LoadBalancer {
  loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] };
}

export interface ServicePort {
  port: number;
  nodePort?: number;
  protocol?: string;
}

/** What is read of a Service. */
export interface ServiceSpec {
  type?: string;
  clusterIP?: string;
  ipFamilies?: string[];
  ports?: ServicePort[];
}

type Service = KubeObject & { spec?: ServiceSpec; status?: LoadBalancer };
type Ingress = KubeObject & { spec?: { ingressClassName?: string }; status?: LoadBalancer };
type Node = KubeObject & { status?: { addresses?: { type: string; address: string }[] } };

/** Asks the API server where a route leads, if it has to. Throws an Error that says what is missing. */
export async function endpointOf(
  target: RouteTarget,
  namespace: string,
  kubectl: () => Promise<Pick<Kubectl, 'get' | 'list'>>,
  signal: AbortSignal,
): Promise<Endpoint> {
  const { via } = target;
  const scope = { namespace, signal };
  if (via.kind === 'service') {
    const asked = await kubectl();
    const service = await asked.get<Service>('service', via.name, scope);
    if (service === undefined) throw new Error(`there is no Service/${via.name}`);
    const { spec = {}, status } = service;
    const nodes = spec.type === 'NodePort' ? await asked.list<Node>('nodes', { signal }) : [];
    return serviceEndpoint(via.name, { spec, status }, target, nodes);
  }
  const port = target.port ?? defaultPort(target.scheme);
  const portOf = (one: number) => one;
  if (via.kind === 'address') return { address: via.address, port, portOf };
  const ingresses = await (await kubectl()).list<Ingress>('ingresses', scope);
  const ofClass = ingresses.filter((one) => ingressClassOf(one) === via.name);
  if (ofClass.length === 0) throw new Error(`there is no Ingress of the class ${via.name}`);
  const address = ofClass.map(({ status }) => addressOf(status)).find((one) => one !== undefined);
  if (address === undefined) {
    const names = ofClass.map(({ metadata }) => `Ingress/${metadata.name}`).join(', ');
    throw new Error(`${names} of the class ${via.name} has no address: no controller has taken it`);
  }
  return { address, port, portOf };
}

/** The class of an Ingress, in its spec or in the annotation from before; undefined: the default one. */
export function ingressClassOf(ingress: Manifest | Ingress): string | undefined {
  const { metadata, spec } = ingress as Ingress;
  return spec?.ingressClassName ?? metadata.annotations?.['kubernetes.io/ingress.class'];
}

const addressOf = (status: LoadBalancer | undefined): string | undefined => {
  const [first] = status?.loadBalancer?.ingress ?? [];
  return first?.ip ?? first?.hostname;
};

/** The port of a Service that a route means, or why it means none. */
export function chosenPort(
  name: string,
  { ports = [] }: ServiceSpec,
  { port, scheme }: Pick<RouteTarget, 'port' | 'scheme'>,
): ServicePort | string {
  const tcp = ports.filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  const listed = tcp.map((one) => one.port).join(', ') || 'none';
  if (port !== undefined)
    return (
      tcp.find((one) => one.port === port || one.nodePort === port) ??
      `Service/${name} has no port ${port} (it has: ${listed})`
    );
  const [only, ...others] = tcp;
  if (only === undefined) return `Service/${name} has no port`;
  const usual = tcp.find((one) => one.port === defaultPort(scheme));
  if (others.length === 0) return only;
  return usual ?? `Service/${name} has several ports (${listed}), and the route names none`;
}

function serviceEndpoint(
  name: string,
  { spec, status }: Required<Pick<Service, 'spec'>> & Pick<Service, 'status'>,
  target: RouteTarget,
  nodes: readonly Node[],
): Endpoint {
  const chosen = chosenPort(name, spec, target);
  if (typeof chosen === 'string') throw new Error(chosen);
  const own = (port: number) => spec.ports?.find((one) => one.port === port);
  const plain = { port: chosen.port, portOf: (port: number) => own(port)?.port };
  if (spec.type === 'LoadBalancer') {
    const address = addressOf(status);
    if (address === undefined) throw new Error(`Service/${name} has no address of a load balancer yet`);
    return { address, ...plain };
  }
  if (spec.type === 'NodePort') {
    const { nodePort } = chosen;
    const [family = 'IPv4'] = spec.ipFamilies ?? [];
    const address = nodes
      .flatMap((node) => node.status?.addresses ?? [])
      .find((one) => one.type === 'InternalIP' && isIP(one.address) === (family === 'IPv6' ? 6 : 4))?.address;
    if (nodePort === undefined) throw new Error(`Service/${name} has no node port for ${chosen.port}`);
    if (address === undefined) throw new Error(`no node has an address of ${family}`);
    const isNodePort = (port: number) => spec.ports?.some((one) => one.nodePort === port) === true;
    return {
      address,
      port: nodePort,
      portOf: (port) => (isNodePort(port) ? port : own(port)?.nodePort),
    };
  }
  const fault = noAddressOfItsOwn(name, spec);
  if (fault !== undefined) throw new Error(fault);
  return { address: spec.clusterIP ?? '', ...plain };
}

/** Why a Service cannot be connected to, whatever the cluster; undefined where it can. */
export function noAddressOfItsOwn(name: string, { type, clusterIP }: ServiceSpec): string | undefined {
  if (type === 'ExternalName') return `Service/${name} is only a name for something outside of the cluster`;
  return clusterIP === 'None' ? `Service/${name} is headless: it has no address of its own` : undefined;
}
