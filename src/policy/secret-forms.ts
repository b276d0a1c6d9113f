/**
 * What a secret looks like where nobody knows it: by its own form, or by what stands before it. Each pattern
 * has a bounded prefix, so that megabytes of one long word cost no more than other text.
 */

/** Names that announce a secret. */
const announced =
  '(?:pass(?:word|wd|phrase|code)|(?<=[_-])pass(?![a-z])|pwd|secret|token|credentials?|api[_-]?key|access[_-]?key|account[_-]?key|' +
  'private[_-]?key|encryption[_-]?key|signing[_-]?key|client[_-]key(?:-data)?|client-certificate-data|' +
  'connection[_-]?string|auth(?:orization)?(?!or))';
/** What makes another thing of such a name: a reference, a setting, a number of seconds. */
const notSecret =
  '(?![A-Za-z_-]{0,20}(?:name|file|path|ref|refs|seconds|expir|policy|type|mode|length|enabled|count|min|max|mount))';
const quotedValue = String.raw`\\*"((?:[^"\\\n]|\\[^"\n])+)\\*"|'((?:[^'\n]|'')+)'`;
const value = String.raw`(?:${quotedValue}|([^\s"'\x60,;&|<>(){}\[\]\\]+))`;

/** Of each, the first group that took part is the secret; without one, all of it is. */
const patterns: readonly RegExp[] = [
  // Several lines, or one with escaped line ends; of one that was cut off, what is left of it.
  /-----BEGIN [A-Z0-9 ]{1,40}-----(?:(?:(?!-----BEGIN)[\s\S]){0,20000}?-----END [A-Z0-9 ]{1,40}-----|[A-Za-z0-9+/=\s\\]*)/g,
  // The rest of one whose beginning was cut off: a log's last lines may start in it.
  /(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/=]{1,200}(?:\r?\n|\\n)[ \t]{0,20}){1,60}-----END [A-Z0-9 ]{1,40}-----/g,
  // JWT, as service accounts have it.
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?/g,
  /\b(?:AKIA|ASIA|AROA|AIDA|AGPA)[A-Z0-9]{12,20}\b/g,
  /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|sk-[\w-]{20,}|npm_[A-Za-z0-9]{30,}|AIza[\w-]{30,})/g,
  // Of k3s and of kubeadm.
  /\bK10[0-9a-f]{20,}::[\w-]{1,60}:[\w.-]+/g,
  /\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g,
  // Hashes of passwords.
  /\$(?:2[abxy]|5|6|7|y|apr1|argon2id?|pbkdf2[\w-]{0,20})\$[./A-Za-z0-9+=,$-]{16,}/g,
  /\bSCRAM-SHA-(?:1|256)\$[\w+/=:$]{20,}/g,
  /\bmd5[0-9a-f]{32}\b/g,
  /\b(?:bearer|basic)\s+([A-Za-z0-9._~+/=-]{8,})/gi,
  /\b(?:set-cookie|cookie|x-api-key|x-auth-token|authorization)\\*["']?\s{0,3}[:=]\s{0,3}\\*["']?([^\r\n"'\\]{4,})/gi,
  /\b(?:set-cookie|cookie|x-api-key|x-auth-token)\\*["']?\s{0,3}[:=]\s{0,3}\\*["']?([^\s;"'\\]{4,})/gi,
  // A URL's password reaches to the last @ before a blank: some have / and @ in them.
  /(?<=[a-z0-9]):\/\/[^\s:/@"'<>\\]{0,64}:([^\s"'<>\\]{1,256})@/gi,
  /(?<=[a-z0-9]):\/\/([^\s:/@"'<>\\]{8,400})@/g,
  new RegExp(
    `${announced}${notSecret}[A-Za-z0-9_.-]{0,20}\\\\*["']?[ \\t]{0,3}[:=][ \\t]{0,3}${value}`,
    'gi',
  ),
  // As YAML, JSON and describe write variables of a container.
  new RegExp(
    `name\\\\*["']?\\s?:\\s{0,3}\\\\*["']?[\\w.-]{0,60}?${announced}${notSecret}[\\w.-]{0,30}\\\\*["']?,?\\s{1,40}\\\\*["']?value\\\\*["']?\\s?:\\s{0,3}${value}`,
    'gi',
  ),
  new RegExp(
    `\\\\*"name\\\\*":\\\\*"[\\w.-]{0,60}?${announced}${notSecret}[\\w.-]{0,30}\\\\*",\\s?\\\\*"value\\\\*":\\s?${value}`,
    'gi',
  ),
  new RegExp(`--?[a-z-]{0,30}${announced}(?:[ \\t]+)${value}`, 'gi'),
  new RegExp(`\\b(?:password|identified by)\\s+(?:${quotedValue})`, 'gi'),
  // .pgpass
  /(?<![^\s"'=])[^\s:"'=]{1,64}:(?:\d{1,5}|\*):[^\s:]{1,64}:[^\s:]{0,64}[g-zG-Z*_][^\s:]{0,64}:([^\s"'\\]+)/g,
];

/** Answers, not secrets. */
const plain =
  /^(true|false|null|none|nil|undefined|yes|no|on|off|redacted|\[redacted\]?|<[^>]*>|\*+|x+|-+|\.+)$/i;
/** Reads like a reference to something: a variable, a template, a path. */
const reference = /^(\$\(|\$\{|\{\{|%\(|\/(?:run|var|etc|opt|usr|mnt|tmp)\/)/;

const isSecret = (text: string): boolean => text.length >= 3 && !plain.test(text) && !reference.test(text);

const percent = /%[0-9A-Fa-f]{2}/;
/** The text that percent signs stand for; undefined where there is none. */
function urlDecoded(text: string): string | undefined {
  if (!percent.test(text)) return undefined;
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

/** The text of a JSON string; undefined where nothing is escaped. */
function unescaped(text: string): string | undefined {
  if (!/\\[n"\\/u]/.test(text)) return undefined;
  return text
    .replaceAll(/\\u([0-9a-fA-F]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    .replaceAll(/\\([n"\\/])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
}

const base64Runs = /[A-Za-z0-9+/_-]{16,}={0,2}/g;
const isText = (text: string): boolean => !/[\uFFFD\p{Cc}]/u.test(text.replaceAll(/[\t\r\n]/g, ''));

/**
 * Secrets in a text, as they are before any encoding: what a percent-encoded or a base64 part of the text
 * hides is looked at as well.
 */
export function findSecrets(text: string, depth = 0): Set<string> {
  const found = new Set<string>();
  const keep = (secret: string | undefined) => {
    if (secret !== undefined && isSecret(secret)) found.add(secret);
  };
  for (const pattern of patterns) {
    for (const [whole, ...groups] of text.matchAll(pattern)) keep(groups.find(Boolean) ?? whole);
  }
  if (depth >= 3) return found;
  for (const other of [urlDecoded(text), unescaped(text)]) {
    if (other !== undefined) for (const secret of findSecrets(other, depth + 1)) found.add(secret);
  }
  for (const [run] of text.matchAll(base64Runs)) {
    const decoded = Buffer.from(run, 'base64').toString('utf8');
    if (!isText(decoded)) continue;
    const inside = findSecrets(decoded, depth + 1);
    for (const secret of inside) found.add(secret);
    if (inside.size > 0) found.add(run);
  }
  return found;
}

/** A secret as programs write it in their own ways; the redactor adds JSON, URLs and base64. */
export function writtenForms(secret: string): string[] {
  const html = secret
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
  const url = encodeURIComponent(secret);
  return [
    ...new Set([
      secret,
      html,
      html.replaceAll("'", '&#39;'),
      // Go's JSON.
      secret.replaceAll(/[&<>]/g, (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`),
      secret.replaceAll("'", "''"),
      secret.replaceAll("'", String.raw`'\''`),
      url.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
      url.replaceAll('%20', '+'),
      encodeURI(secret),
      encodeURIComponent(url),
      ...(secret.length < 8 ? [] : [Buffer.from(secret).toString('hex')]),
    ]),
  ];
}

const mark = '[redacted]';

/** The text without what looks like a secret; what announces it stays. */
export function withoutSecretForms(text: string): string {
  let rest = text;
  for (const pattern of patterns) {
    rest = rest.replaceAll(pattern, (whole: string, ...more: unknown[]) => {
      const groups = more.slice(
        0,
        more.findIndex((one) => typeof one === 'number'),
      ) as (string | undefined)[];
      const secret = groups.find(Boolean) ?? whole;
      if (!isSecret(secret)) return whole;
      const at = whole.lastIndexOf(secret);
      return whole.slice(0, at) + mark + whole.slice(at + secret.length);
    });
  }
  return rest;
}
