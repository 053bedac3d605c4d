// A document of the database, in memory: what its writer does when somebody else has written in between is up to the test.
import type { Bytes } from '../../src/ports.ts';
import type { Document } from '../../targets/server/learnt-keys.ts';

/** An empty document; `value` may be looked at and changed behind its writers' back. */
export function documentInMemory(): Document & { value: Bytes | undefined } {
  const held = { value: undefined as Bytes | undefined };
  return Object.assign(held, {
    load: () => Promise.resolve(held.value),
    save(next: Bytes, before: Bytes | undefined) {
      if (Buffer.compare(held.value ?? new Uint8Array(0), before ?? new Uint8Array(0)) !== 0) return Promise.resolve(false);
      held.value = next.slice();
      return Promise.resolve(true);
    },
  });
}
