import { printable } from './sanitize.ts';

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text of others as HTML: it cannot become markup, nor hide or turn around what stands beside it. Addresses
 * in it are shown, and none is in the file as such: nothing can take one for a resource of the page.
 */
export const html = (text: string): string =>
  printable(text)
    .replaceAll(/[&<>"']/g, (letter) => escapes[letter] ?? '')
    .replaceAll('://', ':&#47;&#47;');

/** Colours of light and dark; paper is always light. */
const style = `
:root{color-scheme:light dark;--text:#1c2128;--page:#fff;--soft:#f6f8fa;--line:#d0d7de;--note:#57606a;--bad:#a40e26;
--good:#1a7f37;--warn:#8a5a00;--bar:#2f6feb;--down:#ffc1ba}
@media screen and (prefers-color-scheme:dark){:root{--text:#e6edf3;--page:#0d1117;--soft:#161b22;--line:#3d444d;
--note:#9aa4ae;--bad:#ff8c82;--good:#57c26c;--warn:#e0a52e;--bar:#6ea8fe;--down:#7a2620}}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:var(--text);
background:var(--page)}
h1{font-size:1.6rem;margin:0}h2{margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{margin:1.2rem 0 .2rem;font-size:1.05rem}
table.about{width:auto}table.about th{white-space:nowrap}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}
td{overflow-wrap:anywhere}td.short,td.number{white-space:nowrap}th.long{overflow-wrap:anywhere}
pre,code{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
pre{background:var(--soft);padding:.6rem;max-height:32rem;overflow:auto}
.word{font-size:.8rem;text-transform:uppercase;letter-spacing:.05em}
.bad{color:var(--bad)}.good{color:var(--good)}.warn{color:var(--warn)}.note{color:var(--note)}
@page{size:A4;margin:14mm}
@media print{body{font-size:10pt;max-width:none;margin:0;padding:0}pre{max-height:none}
h2,h3{break-after:avoid}tr,figure,li{break-inside:avoid}}
`;

/** A page of one file: it loads nothing and runs nothing. `body` is HTML, `more` CSS of this page alone. */
export const htmlPage = ({
  title,
  more = '',
  body,
}: {
  title: string;
  more?: string;
  body: string;
}): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${html(title)}</title>
<style>${style}${more}</style>
</head>
<body>
${body}
</body>
</html>
`;
