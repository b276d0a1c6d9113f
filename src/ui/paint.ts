const codes = { green: 32, red: 31, yellow: 33, cyan: 36, dim: 2 } as const;
export type Paint = keyof typeof codes;

/** Colors a text. The color only repeats what the text says, so that nothing is lost without colors. */
export type Painter = (text: string, paint: Paint) => string;

export const painter =
  (colors: boolean): Painter =>
  (text, paint) =>
    colors ? `\x1b[${codes[paint]}m${text}\x1b[0m` : text;

export const unpainted: Painter = (text) => text;
