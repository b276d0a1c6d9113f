import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type GeneratedPage, generatedPage } from '../../scripts/generated-page.ts';
import { columns } from '../../src/ui/format.ts';
import { about, type Kind, kinds, needsSystemd } from './kinds.ts';

/** Files of an unpacked bundle: path below its folder -> text. Empty ones say nothing. */
export type Files = ReadonlyMap<string, string>;
export type Side = 'peer' | 'ours';

/** Both bundles of one host in one state. */
export type Pair = Readonly<Record<Side, Files>>;

export function readFiles(folder: string): Files {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path));
  const files = paths.filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  const texts = files.map((path) => [relative(folder, path), readFileSync(path, 'utf8')] as const);
  return new Map(texts.filter(([, text]) => !['', 'null', '[]'].includes(text.trim())));
}

const has = (files: Files, side: Side, kind: Kind): boolean =>
  kind[side].some(({ file, says }) =>
    [...files].some(
      ([path, text]) => file.test(path) && !about[side].test(path) && (says?.test(text) ?? true),
    ),
  );

/** Files that no kind names: the table lacks one. */
export const unnamed = (files: Files, side: Side): string[] =>
  [...files.keys()].filter(
    (path) =>
      !about[side].test(path) &&
      !needsSystemd[side].test(path) &&
      !kinds.some((kind) => kind[side].some(({ file }) => file.test(path))),
  );

export interface Row {
  kind: Kind;
  /** In each of the states, in their order. */
  peer: boolean[];
  ours: boolean[];
}

export const compare = (pairs: readonly Pair[]): Row[] =>
  kinds.map((kind) => ({
    kind,
    peer: pairs.map(({ peer }) => has(peer, 'peer', kind)),
    ours: pairs.map(({ ours }) => has(ours, 'ours', kind)),
  }));

const word = (there: boolean | undefined) => (there === true ? 'yes' : '-');

export const terminalTable = (rows: readonly Row[], states: readonly string[]): string =>
  columns([
    ['', ...states.flatMap((state) => [`peer, ${state}`, `ours, ${state}`])],
    ...rows.map(({ kind, peer, ours }) => [
      kind.title,
      ...states.flatMap((_, at) => [word(peer[at]), word(ours[at])]),
    ]),
  ]).join('\n');

export function pageOf(rows: readonly Row[], states: readonly string[]): Promise<GeneratedPage> {
  const heading = [
    'Kind of information',
    ...states.flatMap((state) => [`Troubleshoot, ${state}`, `ivaap, ${state}`]),
  ];
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = [
    line(heading),
    line(heading.map(() => '---')),
    ...rows.map(({ kind, peer, ours }) =>
      line([kind.title, ...states.flatMap((_, at) => [word(peer[at]), word(ours[at])])]),
    ),
  ];
  const reasons = rows.flatMap(({ kind }) =>
    kind.leftOut === undefined ? [] : [`- **${kind.title}**: ${kind.leftOut}.`],
  );
  return generatedPage(
    'support-bundle-beside-troubleshoot.md',
    'test/beside/beside-peer.test.ts',
    `# Our support bundle beside Troubleshoot's

[Troubleshoot](https://troubleshoot.sh) v0.133.0 collects what a spec names. Here it was given all that its
own default specs for a cluster and for a host collect (\`test/beside/spec.yaml\`). Both ran on the same lab host:
a pod of the product ends again and again and a disk is full; then the cluster is down as well. Without an API
server Troubleshoot ended with an error before its first question, and wrote no bundle. A lab host has no
systemd: messages and state of k3s' service are collected by both, and here by neither.

${table.join('\n')}

## What ours leaves out

${reasons.join('\n')}
`,
  );
}
