/** What a rendering shows: what is refused, and what is reported. */
export interface Findings {
  mistakes: readonly string[];
  warnings: readonly string[];
}
