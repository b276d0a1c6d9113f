/**
 * What the API server says when a server-side apply would take fields from another manager, and how its field
 * paths are read.
 */

export interface OwnedField {
  /** The manager that has the field now, with the subresource through which it took it: `kubectl (scale)`. */
  owner: string;
  /** As the API server writes it: `.spec.template.spec.containers[name="backend"].image`. */
  field: string;
}

const conflictLine =
  /conflicts? with "([^"]*)"(?: with subresource "([^"]*)")?(?: using [^\s:]+)?(?: at [^\s]+?)?:(?: (.+))?$/;

/** The conflicts in the API server's message about one object; empty when it is about something else. */
export function parseConflicts(text: string): OwnedField[] {
  const found: OwnedField[] = [];
  let owner: string | undefined;
  for (const line of text.split('\n')) {
    const match = conflictLine.exec(line);
    if (match !== null) {
      const [, manager = '', subresource, field] = match;
      owner = subresource === undefined ? manager : `${manager} (${subresource})`;
      if (field !== undefined) found.push({ owner, field: field.trim() });
    } else if (owner !== undefined && line.startsWith('- ')) {
      found.push({ owner, field: line.slice(2).trim() });
    } else owner = undefined;
  }
  return found;
}

/**
 * The value at a field path, undefined when there is none. Names stand in the path as they are, dots
 * included, so the object itself says where a name ends.
 */
export function valueAtField(value: unknown, path: string): unknown {
  if (path === '') return value;
  if (path.startsWith('[')) {
    const end = closingBracket(path);
    return end === -1 ? undefined : valueAtField(memberOf(value, path.slice(1, end)), path.slice(end + 1));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const names = Object.keys(value).sort((a, b) => b.length - a.length);
  for (const name of names) {
    const rest = path.startsWith(`.${name}`) ? path.slice(name.length + 1) : undefined;
    if (rest === undefined || !/^($|[.[])/.test(rest)) continue;
    const found = valueAtField((value as Record<string, unknown>)[name], rest);
    if (found !== undefined) return found;
  }
  return undefined;
}

function closingBracket(path: string): number {
  let quoted = false;
  for (let index = 1; index < path.length; index += 1) {
    const letter = path[index];
    if (letter === '\\' && quoted) index += 1;
    else if (letter === '"') quoted = !quoted;
    else if (letter === ']' && !quoted) return index;
  }
  return -1;
}

/** A list's member by its keys (`name="a",port=80`), by its own value (`="a"`) or by its place (`0`). */
function memberOf(list: unknown, selector: string): unknown {
  if (!Array.isArray(list)) return undefined;
  if (/^\d+$/.test(selector)) return list[Number(selector)] as unknown;
  if (selector.startsWith('=')) {
    const wanted = selector.slice(1);
    return list.find((member) => JSON.stringify(member) === wanted) as unknown;
  }
  const keys = [...selector.matchAll(/([^=,]+)=("(?:[^"\\]|\\.)*"|[^,]*)/g)];
  return list.find((member: Record<string, unknown> | null) =>
    keys.every(([, name = '', wanted]) => {
      // A manifest may leave out what the server fills in: protocol is the one default among list keys.
      const own = member?.[name] ?? (name === 'protocol' ? 'TCP' : undefined);
      return JSON.stringify(own) === wanted;
    }),
  ) as unknown;
}
