// What none of several covers stands for: each of them may have holes of its own, which another one fills.
import type { Told } from './log/cursor.ts';
import type { Range } from './log/since.ts';
import type { Node } from './node.ts';
import type { Cover } from './node-words.ts';
import { equal } from './event/bytes.ts';
import { missing } from './log/since.ts';

/** Ranges of a stream that all of these covers lack. */
export async function lackedByAll(node: Node, stream: string, covers: Cover[]): Promise<Range[]> {
  const told = covers.map((cover) => cover.streams.get(stream) ?? []), holed = told.filter((one) => one.some(({ from }) => from > 0));
  const lacked = (one: Told[]): Promise<Range[]> => missing(node.archive, node.writer.unstored(), stream, { told: one, keys: [], judged: [] }, { judged: [], fresh: undefined });
  // Covers without holes may be taken for one; a hole of the one in the list of another would be taken for a hole of both.
  let ranges = await lacked(told.filter((one) => !holed.includes(one)).flat());
  for (const one of holed) if (ranges.length) ranges = common(ranges, await lacked(one));
  return ranges;
}

/** What two lists of ranges share. */
function common(a: Range[], b: Range[]): Range[] {
  return a.flatMap((x) => b.filter((y) => equal(x.log, y.log)).map((y) => ({ log: x.log, from: Math.max(x.from, y.from), to: Math.min(x.to, y.to) }))).filter(({ from, to }) => from <= to);
}
