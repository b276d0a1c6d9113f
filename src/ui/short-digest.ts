/** The first 12 digits of an image ID, as container tools shorten it. */
export const shortId = (id: string): string => id.replace(/^.*sha256:/, '').slice(0, 12);

/** A reference whose digest, where it has one, is shortened. */
export const shortImage = (reference: string): string =>
  reference.replace(/sha256:([0-9a-f]{12})[0-9a-f]+/, 'sha256:$1');
