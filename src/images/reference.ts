/**
 * Names of images as the distribution's reference grammar has them, and as containerd, CRI and kubelet
 * resolve them. Whoever compares two names compares them here. Source: github.com/distribution/reference
 * (normalize.go, regexp.go), `ParseDockerRef`.
 */
export interface Reference {
  /**
   * Registry with its port; empty where the first part looks like one and is none. Upper case is kept:
   * containerd compares letter by letter.
   */
  domain: string;
  /** Repository below the registry. */
  path: string;
  tag: string | undefined;
  /** `ALGORITHM:HEX`. */
  digest: string | undefined;
}

const label = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])';
const domainShape = new RegExp(String.raw`^(?:${label}(?:\.${label})*|\[[A-Fa-f0-9:]+\])(?::[0-9]+)?$`);
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const pathShape = new RegExp(`^${component}(?:/${component})*$`);
const tagShape = /^\w[\w.-]{0,127}$/;
const digestShape = /^(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})$/;
const longestPath = 255;

/** Why a text is no name of an image. */
class NoReference extends Error {
  override readonly name = 'NoReference';
}

/**
 * Reads a name in any of its spellings. Throws an Error that says what is wrong with it: no runtime takes it.
 */
export function parseReference(text: string): Reference {
  if (/^[a-f0-9]{64}$/.test(text)) throw new NoReference('it is an image ID, not a name');
  const [named, digest, ...more] = text.split('@') as [string, ...string[]];
  if (more.length > 0) throw new NoReference('it has more than one @');
  if (digest !== undefined && !digestShape.test(digest))
    throw new NoReference(`${JSON.stringify(digest)} is not a digest`);
  const { domain, rest } = splitDomain(named);
  const colon = rest.indexOf(':');
  const last = colon < 0 ? rest : rest.slice(0, colon);
  const tag = colon < 0 ? undefined : rest.slice(colon + 1);
  if (last.toLowerCase() !== last) throw new NoReference('a repository is in lower case');
  const isRegistry = domainShape.test(domain);
  if (!isRegistry && !pathShape.test(domain))
    throw new NoReference(`${JSON.stringify(domain)} is not a registry`);
  const path = isRegistry ? last : `${domain}/${last}`;
  if (!pathShape.test(path)) throw new NoReference(`${JSON.stringify(path)} is not a repository`);
  if (path.length > longestPath)
    throw new NoReference(`its repository has ${path.length} characters; at most ${longestPath} are allowed`);
  if (tag !== undefined && !tagShape.test(tag)) throw new NoReference(`${JSON.stringify(tag)} is not a tag`);
  return { domain: isRegistry ? domain : '', path, tag, digest };
}

/** Docker Hub is meant where the first part is no registry; what has one part there is `library`'s. */
function splitDomain(named: string): { domain: string; rest: string } {
  const hub = 'docker.io';
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(slash, 0));
  const isDomain = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
  const domain = slash < 0 || !isDomain || first === 'index.docker.io' ? hub : first;
  const rest = slash >= 0 && isDomain ? named.slice(slash + 1) : named;
  return { domain, rest: domain === hub && !rest.includes('/') ? `library/${rest}` : rest };
}

const repository = ({ domain, path }: Pick<Reference, 'domain' | 'path'>): string =>
  domain === '' ? path : `${domain}/${path}`;

/**
 * As containerd stores it and kubelet asks for it: a digest takes the place of a tag, and without both it is
 * `latest`.
 */
export const runtimeName = ({ tag, digest, ...named }: Reference): string =>
  `${repository(named)}${digest === undefined ? `:${tag ?? 'latest'}` : `@${digest}`}`;

/** Tag and digest of a text; undefined of one that is no reference. */
export function versionOf(text: string): Pick<Reference, 'tag' | 'digest'> | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

/** {@link runtimeName} of a text; what is no reference stays as it is, and equals nothing else. */
export function normalizedReference(text: string): string {
  try {
    return runtimeName(parseReference(text));
  } catch {
    return text;
  }
}

/** A reference without tag and digest, as containerd stores it; a text that is none stays as it is. */
export function repositoryOf(text: string): string {
  try {
    return repository(parseReference(text));
  } catch {
    return text;
  }
}
