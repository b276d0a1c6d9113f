/** The names on PATH start another release than the one that is installed. */
export interface OtherOnPath {
  /** That they start. */
  version: string;
  names: string[];
  /** The command that puts the installed one there; null: its file is not where it was. */
  activate: string | null;
}

/** What it means, and the command: `ivaap, ki on PATH start 2026.2; to put 2026.1 there: ...`. */
export const otherOnPathText = ({ names, version, activate }: OtherOnPath, installed: string): string =>
  `${names.join(', ')} on PATH ${names.length === 1 ? 'starts' : 'start'} ${version}; ` +
  `to put ${installed} there: ${activate ?? `type activate with the file of ${installed}`}`;
