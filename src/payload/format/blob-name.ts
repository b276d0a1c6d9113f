/** Where an OCI image layout keeps a blob, and the payload's entry that holds it; `digest` is `sha256:HEX`. Source: OCI image-layout specification. */
export const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
