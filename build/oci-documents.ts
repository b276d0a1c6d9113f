import * as z from 'zod';

/**
 * Documents of the OCI image specification, and docker's of the same shape, as far as the packer reads them.
 */

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a sha256 digest');

const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });
export type Platform = z.infer<typeof platform>;

export const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z.int().nonnegative(),
  platform: platform.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
export type Descriptor = z.infer<typeof descriptor>;

export const indexDocument = z.object({ manifests: z.array(descriptor) });
export const manifestDocument = z.object({ config: descriptor, layers: z.array(descriptor) });
export const configDocument = platform.extend({
  rootfs: z.object({ diff_ids: z.array(digest) }),
  config: z.object({ Env: z.array(z.string()).nullish() }).nullish(),
});

export const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
