import { z } from 'zod';
import { releaseSchema } from '../src/payload/product-schema.ts';

/**
 * The input of `npm run pack -- SPEC -o FILE`: one release of one product. Paths are relative to the spec file.
 * The vendor's build writes it; payload-spec/sample/ shows one.
 */
export const releaseSpecSchema = z.strictObject({
  /** product.yaml. */
  product: z.string(),
  release: releaseSchema,
  /** Folder of the chart; packed below the product's `chart.folder`. */
  chart: z.string(),
  /** Payload name -> file, for what is neither chart, image nor tool (the values template). */
  files: z.record(z.string(), z.string()).default({}),
  /** Tool's name -> program and version; packed as `tools/NAME`. */
  tools: z.record(z.string(), z.strictObject({ path: z.string(), version: z.string() })).default({}),
  images: z.array(
    z.strictObject({
      reference: z.string(),
      /** Folder of an OCI image layout that holds the reference (its `org.opencontainers.image.ref.name`). */
      ociLayout: z.string(),
    }),
  ),
  /** Archive's payload name -> references inside, in order. */
  archives: z.record(z.string(), z.array(z.string()).min(1)),
});

export type ReleaseSpec = z.infer<typeof releaseSpecSchema>;
