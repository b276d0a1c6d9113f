/**
 * What the build writes into a service: the release that it belongs to and the schemas that it works with.
 */
export interface BuiltRelease {
  version: string;
  schema: { min: number; target: number };
}

declare const IVAAP_RELEASE: BuiltRelease;

export const release: BuiltRelease = IVAAP_RELEASE;
