// A second, slow and literal reading of RFC 8949 section 4.2.1 and FORMAT.md section 1, to compare the real encoder and scanner with.
type Item = unknown;

/** The canonical bytes of a value, as an array of numbers. */
export function referenceEncode(value: Item): number[] {
  if (value === null) return [0xf6];
  if (value === true) return [0xf5];
  if (value === false) return [0xf4];
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value >= 0 ? head(0, BigInt(value)) : head(1, -1n - BigInt(value));
    const buffer = Buffer.alloc(9);
    buffer[0] = 0xfb;
    buffer.writeDoubleBE(value, 1);
    return [...buffer];
  }
  if (typeof value === 'string') {
    const bytes = [...Buffer.from(value, 'utf8')];
    return [...head(3, BigInt(bytes.length)), ...bytes];
  }
  if (value instanceof Uint8Array) return [...head(2, BigInt(value.length)), ...value];
  if (Array.isArray(value)) return [...head(4, BigInt(value.length)), ...value.flatMap(referenceEncode)];
  const pairs = Object.entries(value as Record<string, Item>).map(([k, v]) => ({ key: referenceEncode(k), value: referenceEncode(v) }));
  pairs.sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  return [...head(5, BigInt(pairs.length)), ...pairs.flatMap((pair) => [...pair.key, ...pair.value])];
}

function head(major: number, n: bigint): number[] {
  const first = major * 32;
  for (const [info, bytes] of [[24, 1], [25, 2], [26, 4], [27, 8]] as const) {
    if (n < 24n) return [first + Number(n)];
    if (n < 1n << BigInt(8 * bytes)) return [first + info, ...Array.from({ length: bytes }, (_, i) => Number((n >> BigInt(8 * (bytes - 1 - i))) & 255n))];
  }
  throw new Error('too large');
}

/** One item from the front of `bytes`, in whatever form RFC 8949 allows (definite lengths, no tags), and the rest; throws when there is none. */
export function referenceDecode(bytes: Buffer, depth = 0): { value: Item; rest: Buffer } {
  if (bytes.length === 0) throw new Error('end');
  const first = bytes[0]!, major = first >> 5, info = first & 31;
  if (major === 7) {
    const simple = new Map<number, Item>([[0xf4, false], [0xf5, true], [0xf6, null]]);
    if (simple.has(first)) return { value: simple.get(first), rest: bytes.subarray(1) };
    if (first === 0xfb && bytes.length >= 9) return { value: bytes.readDoubleBE(1), rest: bytes.subarray(9) };
    throw new Error('simple');
  }
  const width = info < 24 ? 0 : info < 28 ? 1 << (info - 24) : -1;
  if (width < 0 || bytes.length < 1 + width) throw new Error('head');
  let n = BigInt(info);
  if (width > 0) n = BigInt('0x' + bytes.subarray(1, 1 + width).toString('hex'));
  let rest = bytes.subarray(1 + width);
  if (major === 0) return { value: Number(n), rest };
  if (major === 1) return { value: Number(-1n - n), rest };
  if (major === 6) throw new Error('tag');
  if (n > BigInt(rest.length)) throw new Error('length');
  const count = Number(n);
  if (major === 2) return { value: new Uint8Array(rest.subarray(0, count)), rest: rest.subarray(count) };
  if (major === 3) return { value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(rest.subarray(0, count)), rest: rest.subarray(count) };
  if (depth >= 32) throw new Error('depth');
  const entries: [string, Item][] = [], items: Item[] = [];
  for (let i = 0; i < count; i++) {
    const one = referenceDecode(rest, depth + 1);
    rest = one.rest;
    if (major === 4) items.push(one.value);
    else {
      if (typeof one.value !== 'string') throw new Error('key');
      const two = referenceDecode(rest, depth + 1);
      rest = two.rest;
      entries.push([one.value, two.value]);
    }
  }
  return { value: major === 4 ? items : Object.fromEntries(entries), rest };
}

/** True when `bytes` are one canonical item: they decode, hold nothing that is not a value, and encode to themselves. */
export function referenceAccepts(bytes: Uint8Array): boolean {
  try {
    const { value, rest } = referenceDecode(Buffer.from(bytes));
    return rest.length === 0 && sane(value) && Buffer.from(referenceEncode(value)).equals(Buffer.from(bytes));
  } catch {
    return false;
  }
}

function sane(value: Item): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && (Number.isInteger(value) ? Math.abs(value) > 0 || Object.is(value, 0) : true);
  if (typeof value === 'string') return !value.includes('\0');
  if (Array.isArray(value)) return value.every(sane);
  if (value !== null && typeof value === 'object' && !(value instanceof Uint8Array)) return Object.entries(value).every(([k, v]) => sane(k) && sane(v));
  return true;
}
