/** Whether labels fit a selector of equal signs, `app=db,tier==back`; an empty one fits all. */
export function matchesSelector(
  labels: Readonly<Record<string, unknown>> | undefined,
  selector: string,
): boolean {
  const terms = selector.split(',').filter(Boolean);
  return terms.every((term) => {
    const [key = '', value] = term.split(/==?/);
    return labels?.[key] === value;
  });
}
