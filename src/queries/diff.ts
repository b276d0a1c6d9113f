import { describedRelease } from '../images/release-description.ts';
import { releaseDiff } from './release-diff.ts';
import type { ReleaseDiff } from './release-diff-schema.ts';
import { openPayload } from '../payload/open-payload.ts';
import { openDelivered } from './delivered-file.ts';

/** What this file brings that another delivered one has not; reads only both indexes. */
export async function queryDiff(file: string): Promise<ReleaseDiff> {
  const own = await openPayload();
  try {
    const other = await openDelivered(file);
    try {
      const [from, to] = await Promise.all([describedRelease(other), describedRelease(own)]);
      return releaseDiff(from, to);
    } finally {
      await other.close();
    }
  } finally {
    await own.close();
  }
}
