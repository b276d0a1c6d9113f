import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { blobName } from '../src/payload/format/entries.ts';
import type { LayoutFiles } from './layout-files.ts';
import { readBlob } from './layout-files.ts';
import type { Content } from './pack-source.ts';
import { SpecError } from './spec-file.ts';

/** What names an image's parts, wherever it was found: its OCI manifest, and where its blobs are. */
export interface ImageParts {
  manifest: { digest: string; size: number; mediaType: string };
  config: { digest: string; size: number };
  configBytes: Buffer;
  layers: { digest: string; size: number; mediaType: string }[];
  contents: ReadonlyMap<string, Content & { size: number }>;
}

export const sha256Digest = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * What the spec says of an image: its whole name, and how the source calls it where that is something else.
 */
export interface Wanted {
  reference: string;
  sourceName: string | undefined;
  /** `FILE:LINE` of the spec that names it. */
  where: string;
}

/** Reads the documents of one source; every refusal starts with the image's name. */
export class LayoutReader {
  readonly source: LayoutFiles;
  /** As the runtime has it. */
  readonly reference: string;
  readonly sourceName: string | undefined;
  readonly #where: string;

  constructor(source: LayoutFiles, { reference, sourceName, where }: Wanted) {
    this.source = source;
    this.reference = reference;
    this.sourceName = sourceName;
    this.#where = where;
  }

  refuse(why: string, cause?: unknown): never {
    throw new SpecError(`${this.#where}: the image ${this.reference}: ${why}`, { cause });
  }

  /** undefined when there is no such file. */
  bytes(name: string): Buffer | undefined {
    const place = this.source.find(name);
    if (place === undefined) return undefined;
    try {
      return readBlob(place);
    } catch (cause) {
      return this.refuse(`${name} in ${this.source.path} cannot be read: ${(cause as Error).message}`, cause);
    }
  }

  parse<T>(what: string, bytes: Buffer, schema: z.ZodType<T>): T {
    try {
      return schema.parse(JSON.parse(bytes.toString()));
    } catch (cause) {
      return this.refuse(`${what} is not what the OCI image specification says`, cause);
    }
  }

  /** undefined when the blob is not there. */
  blob(digest: string): Buffer | undefined {
    const bytes = this.bytes(blobName(digest));
    if (bytes !== undefined && sha256Digest(bytes) !== digest)
      return this.refuse(`${blobName(digest)} in ${this.source.path} does not have the digest of its name`);
    return bytes;
  }
}
