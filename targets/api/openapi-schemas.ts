// The shapes of what the API says, as JSON Schema (2020-12) for its OpenAPI description.

/** A schema; plain JSON. */
export type Schema = { [name: string]: unknown };

/** The plain ones. */
export const text: Schema = { type: 'string' }, count: Schema = { type: 'integer', minimum: 0 }, yes: Schema = { type: 'boolean' };
export const ms: Schema = { type: 'integer', description: 'Milliseconds since 1970, UTC.' };

/** An object with these parts and no others; what ends in `?` may be missing. */
export function object(parts: { [name: string]: Schema }, description?: string): Schema {
  const names = Object.keys(parts);
  return {
    type: 'object', ...(description === undefined ? {} : { description }),
    properties: Object.fromEntries(names.map((name) => [name.replace('?', ''), parts[name]])), required: names.filter((name) => !name.endsWith('?')), additionalProperties: false,
  };
}
/** A list. */
export const list = (items: Schema): Schema => ({ type: 'array', items });
/** One that has a name. */
export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
/** One of some words. */
export const words = (...all: string[]): Schema => ({ type: 'string', enum: all });

/** The name of a stream. */
export const stream: Schema = { type: 'string', pattern: '^\\$?[A-Za-z0-9._-]+$', maxLength: 64 };
const broker = object({
  topics: object({ own: text, read: text }), clientId: text,
  members: list(object({ node: text, name: text, instance: text, equal: yes, 'late?': yes, ahead: { type: 'integer' }, heardMs: count, 'refuses?': text })),
  published: count, received: count, refused: count, repeated: count, sessions: count,
});

const lacks = object({ events: count, bytes: count, at: { type: ['integer', 'null'] }, 'drainMs?': { type: 'number', minimum: 0 } }, 'What a node is not known to hold, since when that is known, and how long its link needs for it.');

/** The parts that the description refers to. */
export const SCHEMAS: { [name: string]: Schema } = {
  Event: object({ id: text, stream, key: text, type: text, time: ms, body: { description: 'Any JSON; a byte string is {"$bytes": "base64url"}.' }, node: { ...text, description: 'The id of the node that recorded it.' } }),
  Draft: {
    ...object({ key: { ...text, minLength: 1, maxLength: 255 }, type: { ...text, minLength: 1, maxLength: 64 }, 'body?': {}, 'time?': { type: ['integer', 'string', 'null'], description: 'When it happened: milliseconds since 1970 or ISO 8601; now if it is missing.' }, 'id?': {}, 'stream?': {}, 'node?': {} }),
    description: 'An event to record. id, stream and node are ignored: what was read can be posted again.',
  },
  Fault: object({ code: { ...text, description: 'Stable, for programs.' }, message: { ...text, description: 'For people.' } }),
  Error: object({ error: ref('Fault') }),
  Appended: object({
    'error?': ref('Fault'), appended: { ...count, description: 'Events that are on stable storage.' }, refused: count,
    rejected: { ...list(object({ index: { ...count, description: 'Its place in the request, from 0; of lines, those that are not empty.' }, code: text, message: text })), maxItems: 1_000, description: 'The first 1,000 that were refused.' },
  }),
  Events: object({ events: list(ref('Event')), 'next?': { ...text, description: 'The cursor of the next page; missing on the last one.' } }),
  Latest: object({ latest: list(ref('Event')), 'next?': text }),
  Streams: object({
    streams: list(object({ stream, events: count, logs: count, rate: { ...list(count), maxItems: 60, description: 'Events that came in each of the last samples, oldest first.' } })),
    sampleMs: { ...count, description: 'Length of one sample, ms.' },
  }),
  Link: object({ url: text, 'node?': text, 'name?': text, state: words('connected', 'connecting', 'waiting'), 'resting?': yes, 'rate?': { type: 'number', minimum: 0 }, 'reason?': text, in: count, out: count, 'broker?': broker }),
  Keys: object({ keys: list(object({ key: text, type: text, time: ms, id: text })), 'next?': text }),
  Posted: object({ accepted: count, refused: count, reasons: { ...list(object({ index: count, code: text, reason: text })), description: 'Why the first of those were refused that were.' } }),
  Health: object({ ok: yes, 'reasons?': list(text) }),
  Status: object({
    node: text, name: text, fleet: text, fleetName: text, running: yes, pid: count, dir: text, uptimeMs: count, streams: list(object({ stream, events: count, logs: count })),
    member: words('member', 'revoked', 'unknown'), members: list(object({ node: text, name: text, state: words('member', 'revoked'), admin: yes, read: list(text), write: list(text), 'lacks?': lacks })),
    quarantine: list(object({ node: text, name: text, segments: count, bytes: count })), alarms: list(object({ code: text, node: text, text })),
    receipts: list(object({ node: text, name: text, at: ms, complete: yes })), holes: count, void: count, unknown: count, listening: list(text),
    peers: list(ref('Link')),
    connections: object({ accepted: count, refused: count, garbage: count, strangers: count }), clock: object({ quality: words('none', 'rtc', 'synced'), because: text, now: ms }),
    damage: list(text), disk: object({ used: count, journal: count, free: count }),
    inputs: list(object({
      name: text, kind: text, ok: yes, words: text, accepted: count, recorded: count, unchanged: count, refused: count, lost: count, lostWhy: text, waiting: count, last: { type: ['integer', 'null'] },
      samples: list(object({ at: ms, code: text, reason: text, text, cut: yes })),
    })),
    'database?': object({ place: text, embedded: yes, connected: yes, 'full?': yes, version: text, slot: count, processes: count, bytes: count, turnMs: { type: 'number', minimum: 0 }, turns: count }, 'The database under the node, where it has one of its own.'),
    bundles: { ...list(object({ bundle: text, at: ms, events: count, bytes: count, for: list(text), arrived: list(object({ node: text, name: text, at: ms })) })), description: 'Bundles that this node made, and who has said to have taken them in.' },
    worries: list(object({ kind: words('odd', 'bad'), text })),
  }, 'How the node is.'),
};
