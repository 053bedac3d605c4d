// Fingerprints: kept up to date by changes they are those of a fresh count, and differ where what is held differs.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { Item } from '../../src/log/item.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import { Fingerprints } from '../../src/log/fingerprint.ts';

const test = suite('fingerprint'), crypto = createCrypto();
const item = (log: number, to: number, stream: string): Item => ({ kind: 0, log: new Uint8Array(16).fill(log), stream, node: new Uint8Array(32), from: to, to, before: null, after: new Uint8Array(32).fill(to & 255) });
const shown = (f: Fingerprints): string => JSON.stringify([...f.all()].map(([stream, { items, sum }]) => [stream, items, [...sum]]).sort());

test('after any changes it is that of what is held, in whatever order that came', () => {
  const change = fc.array(fc.record({ log: fc.integer({ min: 0, max: 6 }), to: fc.integer({ min: 1, max: 5_000 }) }), { maxLength: 40 });
  fc.assert(fc.property(change, (steps) => {
    const held = new Map<number, Item>(), kept = new Fingerprints(crypto, []);
    for (const { log, to } of steps) {
      const fresh = item(log, to, `s${log % 3}`), before = held.get(log);
      kept.apply({ removed: before ? [before] : [], added: [fresh] });
      held.set(log, fresh);
    }
    assert.is(shown(kept), shown(new Fingerprints(crypto, [...held.values()].reverse())));
    for (const one of held.values()) kept.apply({ removed: [one], added: [] });
    assert.is(kept.all().size, 0);
  }));
});

test('one position more shows', () => {
  assert.not(shown(new Fingerprints(crypto, [item(1, 7, 'a')])) === shown(new Fingerprints(crypto, [item(1, 8, 'a')])));
});

test.run();
