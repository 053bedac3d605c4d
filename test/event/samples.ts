// Random values, events, logs and keys that the tests of the vocabulary share.
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { EventFields } from '../../src/event/event.ts';
import type { Opening } from '../../src/event/chain.ts';
import { keyHash } from '../../src/event/segment.ts';
import type { Value } from '../../src/event/value.ts';
import { codeOf } from '../../src/fault.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import type { Random } from '../../src/ports.ts';

export const crypto = createCrypto();

/** Equal in depth, also where a property is called "constructor" (uvu's own comparison stumbles over it). */
export function same(a: unknown, b: unknown): void {
  assert.ok(isDeepStrictEqual(a, b), 'the two differ');
}

/** The code that `f` throws, 'ok' when it does not throw. */
export function code(f: () => unknown): string {
  try {
    f();
    return 'ok';
  } catch (error) {
    return codeOf(error);
  }
}

/** A seed for all properties of a run, printed by fast-check when one fails; set SEED to repeat. */
export const runs = (n: number) => ({ numRuns: n, ...(process.env['SEED'] ? { seed: Number(process.env['SEED']) } : {}) });

/** Text as values allow it. */
export const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', '__proto__', 'constructor', 'toString', '\ufeff', '\ufeffx', 'é', '𝒳', '\u{10ffff}', '0', '10', '9', 'a'.repeat(47), 'a'.repeat(48), 'ü'.repeat(30), 'z'.repeat(300)))
  .map((s) => s.replaceAll('\0', '').replace(/[\ud800-\udfff]/gu, ''));

export const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.maxSafeInteger(),
  fc.constantFrom(0, 23, 24, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 2 ** 60, -1, -24, -25, -256, -257, -65537, -(2 ** 32), -(2 ** 32) - 1, -(2 ** 53) + 1, -(2 ** 53), 0.1, 1.5, 5e-324, 1.7976931348623157e308),
).map((n) => n + 0);

/** Values up to a few levels deep, their maps with own properties of any name. */
export const values: fc.Arbitrary<Value> = fc.letrec<{ value: Value; map: Value }>((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true },
    fc.constantFrom<Value>(null, true, false), numbers, texts, fc.uint8Array({ maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 6 }), tie('map')),
  map: fc.uniqueArray(fc.tuple(texts, tie('value')), { selector: ([k]) => k, maxLength: 6 }).map((pairs) => Object.fromEntries(pairs)),
})).value;

const name = (most: number) => texts.map((s) => (s === '' ? 'x' : s)).filter((s) => Buffer.byteLength(s) <= most);

export const stamps = fc.record({ generation: fc.nat(0xffffffff), ms: fc.nat(0xffff_ffff_ffff), counter: fc.nat(0xffffffff) }, { noNullPrototype: true });

export const events: fc.Arbitrary<EventFields> = fc.record({
  stamp: stamps, time: fc.integer({ min: -8.64e15, max: 8.64e15 }), joined: fc.boolean(), key: name(255), type: name(64), body: values,
}, { noNullPrototype: true });

/** A plain series of events with rising stamps, one a second. */
export function series(n: number, from = 0): EventFields[] {
  return Array.from({ length: n }, (_, i) => ({
    stamp: { generation: 0, ms: 1_700_000_000_000 + 1000 * (from + i), counter: 0 }, time: 1_700_000_000_000 + 1000 * (from + i), joined: false,
    key: `pump-${(from + i) % 7}`, type: 'reading', body: { bar: Math.round(1000 * Math.sin(from + i)) / 100, flow: (from + i) % 13, on: i % 2 === 0 },
  }));
}

/** Bytes from a name: the same ones each time. */
export const fixed = (label: string, length = 32): Uint8Array => {
  const out = new Uint8Array(length + 31);
  for (let i = 0; 32 * i < length; i++) out.set(crypto.sha256(new TextEncoder().encode(`${label} ${i}`)), 32 * i);
  return out.slice(0, length);
};

/** A Random port that gives the same bytes each time. */
export function fixedRandom(label: string): Random {
  let i = 0;
  return { bytes: (length) => fixed(`${label} random ${i++}`, length) };
}

export const seed = fixed('seed'), fleet = fixed('fleet'), streamKey = fixed('stream key');

/** An opening of our node in a stream; of the system's when it starts with `$`. */
export function openingIn(stream: string, more: Partial<Opening> = {}): Opening {
  const system = stream.startsWith('$');
  return {
    fleet, node: crypto.signer(seed), incarnation: fixed('incarnation', 16), stream, grant: system ? new Uint8Array(8) : fixed('grant', 8),
    keyHash: system ? null : keyHash(crypto, streamKey), boot: fixed('boot', 8), cites: [], ...more,
  };
}
