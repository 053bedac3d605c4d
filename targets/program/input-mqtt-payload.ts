// What the payload of an MQTT message says: JSON, a plain value, text or bytes; and whether a topic is meant by a filter.

import { isUtf8 } from 'node:buffer';
import { Fault } from '../../src/fault.ts';
import { readJson } from './input-lines.ts';

/** How payloads are read. */
export const PAYLOAD_FORMS = ['auto', 'json', 'text', 'bytes'] as const;
export type PayloadForm = typeof PAYLOAD_FORMS[number];

/**
 * The value of a payload; undefined where it is empty, as one that clears a retained message is. `auto`: JSON where it is an object, a list, a number, text in quotes, true, false or null,
 * and otherwise the text as it stands (ON, OFF, online). Faults: `bad-encoding`, `bad-value`.
 */
export function payloadValue(payload: Uint8Array, form: PayloadForm): unknown {
  if (payload.length === 0) return undefined;
  if (form === 'bytes') return new Uint8Array(payload);
  if (!isUtf8(payload)) throw new Fault('bad-encoding', 'the payload is not UTF-8; payload = "bytes" takes it as it is');
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8');
  if (form === 'text') return text;
  const bare = text.trim();
  if (form === 'json' || /^[{["]/.test(bare)) return readJson(text);
  // What only looks like a number (12:30, 007, a phone's) is text.
  return /^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null)$/.test(bare) ? plainValue(bare) : text;
}

/** Numbers that cannot be kept exactly are text, as they stand. */
function plainValue(text: string): unknown {
  try {
    return readJson(text);
  } catch {
    return text;
  }
}

/** Why a topic filter is none, or undefined. */
export function filterFlaw(filter: string): string | undefined {
  if (Buffer.byteLength(filter) > 1_024) return 'it is longer than 1024 bytes';
  if (/[\u0000-\u001f\u007f-\u009f]/.test(filter)) return 'it has control characters';
  const levels = filter.split('/');
  if (levels.some((level, at) => level.includes('#') && (level !== '#' || at !== levels.length - 1))) return '# stands alone as the last level';
  if (levels.some((level) => level.includes('+') && level !== '+')) return '+ stands alone as a level';
  return undefined;
}

/** The filter of a shared subscription (`$share/GROUP/FILTER`), any other as it is. */
export function withoutGroup(filter: string): string {
  return filter.replace(/^\$share\/[^/]+\//, '');
}

/** Whether a broker sends messages of this topic to who subscribed to this filter. */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = withoutGroup(filter).split('/'), levels = topic.split('/');
  // What a broker says of itself is only meant by name.
  if (topic.startsWith('$') && !wanted[0]!.startsWith('$')) return false;
  for (const [at, level] of wanted.entries()) {
    if (level === '#') return true;
    if (at >= levels.length || (level !== '+' && level !== levels[at])) return false;
  }
  return levels.length === wanted.length;
}
