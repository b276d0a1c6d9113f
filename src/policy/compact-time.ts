/** `20260131T235959Z`: for names; it sorts by time and needs no quoting in a shell. */
export const compactTime = (at: Date): string => at.toISOString().replaceAll(/[-:]|\.\d+/g, '');
