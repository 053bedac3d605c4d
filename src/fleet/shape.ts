// Small checks of decoded items that this room reads from strangers: byte strings of a length, names, lists of tips.
import type { Tip } from '../event/chain.ts';
import { decodeTip } from '../event/chain.ts';
import type { Value } from '../event/value.ts';
import { utf8Length } from '../event/value.ts';
import { NAME_BYTES } from '../limits.ts';
import type { Bytes } from '../ports.ts';

/** True for a byte string of exactly `length` bytes, of any length when none is given. */
export function isBytes(item: unknown, length?: number): item is Bytes {
  return item instanceof Uint8Array && (length === undefined || item.length === length);
}

/** True for a text of 1 to 255 bytes of UTF-8. */
export function isName(item: unknown): item is string {
  return typeof item === 'string' && item.length > 0 && item.length <= NAME_BYTES && utf8Length(item) <= NAME_BYTES;
}

/** True for a map. */
export function isMap(item: unknown): item is { [key: string]: Value } {
  return typeof item === 'object' && item !== null && !Array.isArray(item) && !(item instanceof Uint8Array);
}

/** The tips of a list, or undefined when it is anything else. */
export function readTips(item: unknown): Tip[] | undefined {
  if (!Array.isArray(item)) return undefined;
  try {
    return item.map(decodeTip);
  } catch {
    return undefined;
  }
}

/** Tips as items that a body can hold. */
export function tipItems(tips: Tip[]): Value[] {
  return tips.map((tip) => [tip.log, tip.position, tip.e]);
}
