/** Undefined where the schema is at the release's version, or nobody knows where it is. */
export function schemaDueText(version: number | null | undefined, target: number): string | undefined {
  if (version == null || version >= target) return undefined;
  return (
    `the schema is at version ${version}, and this release's is ` +
    `${target}: the product migrates it when it starts, or you do`
  );
}
