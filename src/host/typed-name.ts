/**
 * The name that was typed where a launcher of `activate` has started us: the link in our own folder
 * (`pathPlaces` of policy/path-names.ts) by which it did.
 */
export function typedName(argv0: string): string | undefined {
  return /^\/.*\/lib\/[a-z0-9-]+-activated\/([a-z][a-z0-9_-]*)$/.exec(argv0)?.[1];
}
