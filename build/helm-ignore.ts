/**
 * `.helmignore` as Helm reads it, which is not as git reads its own: rules count in their order and the first
 * that says something ends the question, a negated rule leaves out what it does not match, and `**` is
 * refused. Source: helm.sh/helm/v4/pkg/ignore.
 */
export type Ignores = (path: string, isFolder: boolean) => boolean;

interface Rule {
  negated: boolean;
  foldersOnly: boolean;
  matches(path: string): boolean;
}

/** Hidden files among the templates, whatever the file says. */
const defaultRule = 'templates/.?*';

/**
 * The rules of a file's text; of none there is the default alone. Throws an Error that quotes the line which
 * Helm would refuse.
 */
export function helmIgnores(text = ''): Ignores {
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  const rules = [...lines, defaultRule].flatMap((line) => ruleOf(line.trim()));
  return (path, isFolder) => {
    for (const { negated, foldersOnly, matches } of rules) {
      const outOfPlace = foldersOnly && !isFolder;
      if (negated) {
        if (outOfPlace || !matches(path)) return true;
      } else if (!outOfPlace && matches(path)) return true;
    }
    return false;
  };
}

function ruleOf(line: string): Rule[] {
  if (line === '' || line.startsWith('#')) return [];
  if (line.includes('**')) throw new Error(`${JSON.stringify(line)}: Helm knows no **`);
  if (globExpression(line) === undefined)
    throw new Error(`${JSON.stringify(line)}: Helm takes no such pattern`);
  const negated = line.startsWith('!');
  const bare = negated ? line.slice(1) : line;
  const foldersOnly = bare.endsWith('/');
  const pattern = foldersOnly ? bare.slice(0, -1) : bare;
  const expression = globExpression(pattern.replace(/^\//, ''));
  const byLastName = !pattern.includes('/');
  const matches = (path: string) =>
    expression?.test(byLastName ? path.slice(path.lastIndexOf('/') + 1) : path) === true;
  return [{ negated, foldersOnly, matches }];
}

/**
 * A pattern of Go's path/filepath.Match; undefined for one that is malformed. There, a class may match a
 * slash.
 */
function globExpression(pattern: string): RegExp | undefined {
  const letters = [...pattern];
  let source = '';
  let at = 0;
  const escaped = (letter: string) => letter.replace(/[\\^$.*+?()[\]{}|/-]/, String.raw`\$&`);
  const classLetter = (): string | undefined => {
    if (letters[at] === '-' || letters[at] === ']') return undefined;
    if (letters[at] === '\\') at += 1;
    return letters[at++];
  };
  const classSource = (): string | undefined => {
    const negated = letters[at] === '^';
    if (negated) at += 1;
    const ranges: string[] = [];
    while (letters[at] !== ']' || ranges.length === 0) {
      const low = classLetter();
      let high = low;
      if (letters[at] === '-') {
        at += 1;
        high = classLetter();
      }
      if (low === undefined || high === undefined) return undefined;
      // An empty range matches nothing in Go, and is an error in an expression here.
      if (low <= high) ranges.push(`${escaped(low)}-${escaped(high)}`);
      else ranges.push('');
    }
    at += 1;
    return `[${negated ? '^' : ''}${ranges.join('')}]`;
  };
  while (at < letters.length) {
    const letter = letters[at++]!;
    if (letter === '*') source += '[^/]*';
    else if (letter === '?') source += '[^/]';
    else if (letter === '[') {
      const found = classSource();
      if (found === undefined) return undefined;
      source += found;
    } else if (letter === '\\') {
      if (at === letters.length) return undefined;
      source += escaped(letters[at++]!);
    } else source += escaped(letter);
  }
  return new RegExp(`^${source}$`, 'su');
}
