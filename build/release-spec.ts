import * as z from 'zod';
import { releaseSchema } from '../src/payload/product-schema.ts';

/**
 * The input of `npm run pack -- SPEC -o FILE`: one release of one product. Paths are relative to the spec
 * file. The vendor's build writes it; payload-spec/sample/ shows one.
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
    z
      .strictObject({
        /** As the chart names it, in any spelling that the runtime takes for the same. */
        reference: z.string(),
        /**
         * What the source calls it where that is not the reference: the name, tag or digest of one image
         * there.
         */
        sourceName: z.string().min(1).optional(),
        /** Folder of an OCI image layout that holds the reference. */
        ociLayout: z.string().optional(),
        /**
         * Tar that holds the reference, plain or compressed with gzip or zstd: an OCI layout, or what `docker
         * save` writes.
         */
        archive: z.string().optional(),
      })
      .refine(({ ociLayout, archive }) => (ociLayout === undefined) !== (archive === undefined), {
        message: 'needs one of ociLayout and archive',
      }),
  ),
  /** Archive's payload name -> references inside, in order. */
  archives: z.record(z.string(), z.array(z.string()).min(1)),
  /**
   * Images that the chart names outside of containers (variables, flags, fields of an operator) and that no
   * host starts.
   */
  absentImages: z.array(z.string()).default([]),
  /**
   * Secrets, ConfigMaps, claims and service accounts that pods need and that neither the chart nor the
   * installer makes: `Kind/name`, of what an operator or a program of the product makes.
   */
  madeElsewhere: z
    .array(
      z.string().regex(/^(?:Secret|ConfigMap|PersistentVolumeClaim|ServiceAccount)\/[a-z0-9][-a-z0-9.]*$/, {
        message: 'Secret, ConfigMap, PersistentVolumeClaim or ServiceAccount, a slash, and its name',
      }),
    )
    .default([]),
  /**
   * Payload names of files that may hold a private key, such as one for tests. The key that signs is never
   * packed.
   */
  privateKeys: z.array(z.string()).default([]),
  /**
   * What operators may set, as far as it decides what the chart renders: axis -> choice -> values files,
   * later ones win. The chart is rendered for every combination of one choice per axis. Without it the chart
   * is rendered once, as a fresh install with the values template does; `none`: not at all, for a chart that
   * cannot be rendered without a cluster.
   */
  valuesMatrix: z
    .union([
      z.literal('none'),
      z
        .record(z.string(), z.record(z.string(), z.array(z.string())))
        .refine((axes) => Object.values(axes).every((choices) => Object.keys(choices).length > 0), {
          message: 'an axis without choices',
        }),
    ])
    .optional(),
});

export type ReleaseSpec = z.infer<typeof releaseSpecSchema>;

/** Axis -> choice -> values files. */
export type ValuesMatrix = Exclude<NonNullable<ReleaseSpec['valuesMatrix']>, 'none'>;
