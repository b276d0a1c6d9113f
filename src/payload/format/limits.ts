/** FORMAT.md, Limits: what a payload has at most. A reader refuses what goes beyond. */
export const limits = {
  /** 64 MiB of index describe about two terabytes. */
  indexBytes: 64 * 1024 * 1024,
  /** Nesting and commas of JSON: they bound the memory that its value takes by its length. */
  jsonDepth: 32,
  jsonMembers: 2_000_000,
  entries: 100_000,
  images: 2_000,
  layers: 1_000,
  archives: 2_000,
  leastChunkSize: 65_536,
  chunkSize: 16 * 1024 * 1024,
  nameBytes: 512,
  lineCharacters: 512,
  /** Of a local header, the padding field's own 4 bytes with it. */
  paddingBytes: 65_000,
  /**
   * Entries up to this size are read at once and checked by their own SHA-256; larger ones chunk by chunk.
   */
  entryInMemoryBytes: 4 * 1024 * 1024,
  handovers: 8,
} as const;
