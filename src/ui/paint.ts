const codes = { green: 32, red: 31, yellow: 33, cyan: 36, dim: 2 } as const;
export type Paint = keyof typeof codes;

/** Gives a text a color that says again what the text says: whoever sees no colors misses nothing. */
export type Painter = (text: string, paint: Paint) => string;

export const painter =
  (colors: boolean): Painter =>
  (text, paint) =>
    colors ? `\x1b[${codes[paint]}m${text}\x1b[0m` : text;

export const unpainted: Painter = (text) => text;
