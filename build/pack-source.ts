/**
 * Where an entry's bytes come from: a file, from `offset` on when it starts inside of one; `zeros` is a hole.
 */
export type Content = { bytes: Buffer } | { path: string; offset?: number } | { zeros: true };

/** An entry before it is placed and hashed. */
export interface Source {
  name: string;
  size: number;
  mode: number;
  content: Content;
  /** What the content must hash to: a blob's name. */
  sha256?: string;
  /** `FILE:LINE` of the spec that names it. */
  where?: string;
}
