import { normalizedReference, parseReference, repositoryOf, runtimeName } from '../src/images/reference.ts';
import type { LayoutReader } from './layout-reader.ts';

/**
 * Something in a layout or a docker archive that may be the image: the names that it has there, and its
 * digest.
 */
export interface Candidate {
  /** By containerd's annotation or docker's list: always a complete name. */
  names: readonly string[];
  /**
   * By the OCI annotation: a complete name, one without its registry, a tag alone, or whatever the tool took.
   */
  refName?: string | undefined;
  digest: string;
}

const mostListed = 12;

/**
 * Those that are meant: by whole name, or by what the spec says that the source calls it. A name is a
 * complete one, so that an image of another registry with the same path is never taken.
 */
export function chosenBy<One extends Candidate>(
  { reference, sourceName }: LayoutReader,
  all: readonly One[],
): One[] {
  const { digest } = parseReference(reference);
  const isMeant = (name: string): boolean =>
    digest === undefined
      ? normalizedReference(name) === reference
      : repositoryOf(name) === repositoryOf(reference) && /[:@]/.test(name);
  return all.filter((one) => {
    const spoken = spokenNames(one);
    if (sourceName === undefined) return spoken.some(isMeant);
    return (
      one.digest === sourceName ||
      [...spoken, one.refName].some(
        (name) => name !== undefined && (name === sourceName || sameName(name, sourceName)),
      )
    );
  });
}

/** A complete name is believed before the other annotation, from which a tool may have cut the registry. */
const spokenNames = ({ names, refName }: Candidate): readonly string[] =>
  names.length > 0 || refName === undefined ? names : [refName];

function sameName(one: string, other: string): boolean {
  try {
    return runtimeName(parseReference(one)) === runtimeName(parseReference(other));
  } catch {
    return false;
  }
}

/** Why no candidate is the image, with what is there and how to say which one is meant. */
export function notFound({ source, sourceName }: LayoutReader, all: readonly Candidate[]): string {
  const called = sourceName === undefined ? '' : ` as ${JSON.stringify(sourceName)}`;
  if (all.length === 0) return `not in ${source.path}, which holds no image`;
  const [{ refName, digest, names }] = all as [Candidate];
  const such = JSON.stringify(names[0] ?? refName ?? digest);
  const which =
    all.length === 1
      ? `if that is the image, say so by sourceName: ${such}`
      : `if one of them is meant, say which by sourceName, such as sourceName: ${such}`;
  return `not in ${source.path}${called}, which holds ${listed(all)}; ${which}`;
}

export function listed(all: readonly Candidate[]): string {
  const words = all.map((one) => {
    const [name = '(no name)'] = spokenNames(one);
    return `${name} (${one.digest})`;
  });
  const more = words.length - mostListed;
  return words.slice(0, mostListed).join(', ') + (more > 0 ? `, and ${more} more` : '');
}
