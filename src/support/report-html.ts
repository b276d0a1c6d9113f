import { formatBytes } from '../policy/format-bytes.ts';
import { formatDuration } from '../ui/format.ts';
import { printable } from '../ui/sanitize.ts';
import type { Collected } from './collector.ts';
import type { Fault } from './faults.ts';

export interface Report {
  title: string;
  /** Name and value of what stands below the title. */
  about: readonly (readonly [string, string])[];
  faults: readonly Fault[];
  collected: readonly Collected[];
}

/** Of a longer document the page has the end; the file has all of it. */
const shownChars = 64 * 1024;

const style = `
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2128;background:#fff}
h1{font-size:1.6rem;margin:0}h2{margin:2rem 0 .5rem;border-bottom:1px solid #d0d7de}
h3{margin:1.2rem 0 .2rem;font-size:1.05rem}
table.about{width:auto}table.about th{white-space:nowrap}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
pre,code{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
pre{background:#f6f8fa;padding:.6rem;max-height:32rem;overflow:auto}
ol.faults>li{margin:.8rem 0;padding:.5rem .8rem;border-left:5px solid #9aa4ae;background:#f6f8fa}
ol.faults>li.certain{border-color:#c9252d}ol.faults>li.likely{border-color:#bf8700}
.word{font-size:.8rem;text-transform:uppercase;letter-spacing:.05em}.bad{color:#a40e26}.note{color:#57606a}
`;

/** Text of others cannot become markup, nor hide or turn around what stands beside it. */
const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const html = (text: string): string =>
  printable(text).replaceAll(/[&<>"']/g, (letter) => escapes[letter] ?? '');

/** The first page of a bundle: all texts are free of secrets already. It loads nothing and runs nothing. */
export function reportHtml({ title, about, faults, collected }: Report): string {
  const missing = collected.filter((one) => one.missing !== undefined);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${html(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${html(title)}</h1>
<table class="about">${about.map(([name, value]) => `<tr><th>${html(name)}</th><td>${html(value)}</td></tr>`).join('\n')}</table>
<h2>What is wrong</h2>
${faults.length === 0 ? noFault(missing.length) : `<ol class="faults">\n${faults.map(faultItem).join('\n')}\n</ol>`}
<h2>What is missing</h2>
${
  missing.length === 0
    ? '<p>Nothing: every part was read.</p>'
    : `<ul>${missingItems(missing).join('\n')}</ul>`
}
<h2>What was collected</h2>
<table>
<tr><th>Part</th><th>Files</th><th>Took</th><th></th></tr>
${collected.map(partRow).join('\n')}
</table>
${collected.map(partSection).join('\n')}
</body>
</html>
`;
}

const noFault = (missing: number): string =>
  missing === 0
    ? '<p>Nothing was found. What an operator sees may lie outside of this host.</p>'
    : '<p>Nothing was found in what could be read. Parts are missing: see below.</p>';

/** Most parts miss the same answer: what it is stands there once. */
const missingItems = (missing: readonly Collected[]): string[] =>
  [...Map.groupBy(missing, (part) => part.missing ?? '')].map(([why, parts]) => {
    const links = parts.map(({ id, title }) => `<a href="#${html(id)}">${html(title)}</a>`);
    return `<li>${html(why)}<br><span class="note">missing:</span> ${links.join(' · ')}</li>`;
  });

const faultItem = ({ certainty, title, facts, hint }: Fault): string =>
  [
    `<li class="${certainty}"><span class="word">${certainty}</span><br><b>${html(title)}</b>`,
    ...(facts.length === 0 ? [] : [`<pre>${facts.map(html).join('\n')}</pre>`]),
    ...(hint === undefined ? [] : [`<div>try: <code>${html(hint)}</code></div>`]),
    '</li>',
  ].join('\n');

const partRow = ({ id, title, documents, tookMs, missing }: Collected): string =>
  `<tr><td><a href="#${html(id)}">${html(title)}</a></td><td>${documents.length}</td>` +
  `<td>${formatDuration(tookMs)}</td><td class="bad">${missing === undefined ? '' : 'incomplete'}</td></tr>`;

const partSection = ({ id, title, documents, missing }: Collected): string =>
  [
    `<h2 id="${html(id)}">${html(title)}</h2>`,
    ...(missing === undefined ? [] : [`<p class="bad">Missing: ${html(missing)}</p>`]),
    ...documents.map(({ name, text }) => {
      const path = html(`${id}/${name}`);
      const cut = text.length > shownChars;
      const end = cut ? text.slice(-shownChars) : text;
      return (
        `<details><summary><a href="${path}">${path}</a> <span class="note">` +
        `${formatBytes(Buffer.byteLength(text))}${cut ? ', the end of it' : ''}</span></summary>` +
        `<pre>${html(end)}</pre></details>`
      );
    }),
  ].join('\n');
