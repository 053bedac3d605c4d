// Values as JSON that loses nothing: byte strings and maps are tagged, everything else stands for itself.
import { hex, unhex } from '../../src/event/bytes.ts';

/** JSON for a value, byte strings as {"bytes": hex} and maps as {"map": [[key, value], …]}. */
export function tag(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: hex(value) };
  if (Array.isArray(value)) return value.map(tag);
  if (value !== null && typeof value === 'object') return { map: Object.entries(value).map(([k, v]) => [k, tag(v)]) };
  return value;
}

/** The value of such JSON. */
export function untag(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(untag);
  if (json === null || typeof json !== 'object') return json;
  const tagged = json as { bytes?: string; map?: [string, unknown][] };
  return tagged.bytes !== undefined ? unhex(tagged.bytes) : Object.fromEntries(tagged.map!.map(([k, v]) => [k, untag(v)]));
}
