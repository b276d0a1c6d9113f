/** Bytes [from, to). */
export interface ByteRange {
  from: number;
  to: number;
}

/**
 * Which of `sorted` (ascending, none reaching into the next) have bytes in common with a range; asked with
 * ranges that ascend too, it takes as many steps as there are ranges, not one for each pair: a hostile index
 * has tens of thousands of either.
 */
export function rangesWithin<Range extends ByteRange>(
  sorted: readonly Range[],
): (range: ByteRange) => Range[] {
  let first = 0;
  let before = 0;
  return ({ from, to }) => {
    if (from < before) first = 0;
    before = from;
    while (first < sorted.length && sorted[first]!.to <= from) first += 1;
    const found: Range[] = [];
    for (let at = first; at < sorted.length && sorted[at]!.from < to; at += 1)
      if (sorted[at]!.to > from) found.push(sorted[at]!);
    return found;
  };
}
