import { formatBytes } from '../policy/format-bytes.ts';
import { formatDuration } from '../ui/format.ts';
import { html, htmlPage } from '../ui/html.ts';
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
ol.faults>li{margin:.8rem 0;padding:.5rem .8rem;border-left:5px solid var(--line);background:var(--soft)}
ol.faults>li.certain{border-color:var(--bad)}ol.faults>li.likely{border-color:var(--warn)}
`;

/** The first page of a bundle: all texts are free of secrets already. It loads nothing and runs nothing. */
export function reportHtml({ title, about, faults, collected }: Report): string {
  const missing = collected.filter((one) => one.missing !== undefined);
  const body = `<h1>${html(title)}</h1>
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
${collected.map(partSection).join('\n')}`;
  return htmlPage({ title, more: style, body });
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
