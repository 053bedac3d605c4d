// The shapes of what the API says of the fleet; HTTP.md says what each part means.

import { count, list, ms, object, ref, stream, text, words, yes, type Schema } from './openapi-schemas.ts';

/** The same, or null. */
function orNull(schema: Schema): Schema {
  return { ...schema, type: [schema['type'] as string, 'null'] };
}

const number: Schema = { type: 'number', minimum: 0 }, time = orNull(ms);
const named = object({ node: text, name: text });
const state = words('member', 'revoked', 'unknown'), bytes = count;
const ROW: { [name: string]: Schema } = {
  node: { ...text, pattern: '^[0-9a-f]{64}$' }, name: text, state, admin: yes, relay: yes, self: yes, contact: orNull(object({ state: words('connected', 'heard', 'past'), at: ms, by: text })),
  links: list(object({ url: text, state: words('connected', 'resting', 'broker'), level: { type: ['boolean', 'null'] }, rate: orNull(number) })),
  lacks: orNull(object({ events: count, bytes, at: time, drainMs: orNull(number) })), behind: orNull(object({ events: count, since: ms })), last: time,
  clock: orNull(object({ quality: words('none', 'rtc', 'synced'), offset: { type: ['integer', 'null'] } })), disk: orNull(object({ free: number, total: number })), version: orNull(text),
  quarantine: orNull(object({ segments: count, bytes })), alarms: count, silent: orNull(object({ since: ms, habit: count })),
};
const { node, ...fields } = ROW;
const worries = list(object({ kind: words('odd', 'bad'), text }));
const optional = (parts: { [name: string]: Schema }): { [name: string]: Schema } => Object.fromEntries(Object.entries(parts).map(([name, schema]) => [`${name}?`, schema]));
const LISTS = { streams: list(ref('StreamRow')), alarms: list(ref('Alarm')), listening: list(text), links: list(ref('LinkRow')), worries };

/** The parts that the description of the fleet refers to. */
export const FLEET_SCHEMAS: { [name: string]: Schema } = {
  Session: object({
    scope: words('read', 'append', 'admin'), token: { ...orNull(text), description: "The name of the token; null: the node's own." }, node: text, name: text, fleet: text, fleetName: text, version: text, now: ms, view: words('node', 'fleet'),
    may: object({ append: yes, bundles: yes, invite: yes, revoke: yes, release: yes, tokens: yes }),
  }, 'Whose token this is, and what it may do here.'),
  NodeRow: object(ROW, 'A node as it is seen from this one.'),
  NodeChange: object({ node: node!, ...optional(fields) }, 'What has changed of a node.'),
  Node: object({
    ...ROW, alarms: list(ref('Alarm')), read: list(text), write: list(text), joinedBy: orNull(named), revokedBy: list(named), receipt: orNull(object({ at: ms, complete: yes })), host: { description: 'Its last metrics, or null.' }, bundles: list(ref('BundleRow')),
  }, 'One node with all that is known of it here.'),
  StreamRow: object({ stream, events: count, logs: count, segments: count, bytes, rate: { ...list(count), maxItems: 60 } }),
  Alarm: object({ kind: words('fork', 'clone', 'quarantine', 'clock', 'disk', 'silence', 'damage', 'other'), code: text, level: words('odd', 'bad'), node: text, name: text, text, at: time }),
  LinkRow: object({
    url: text, state: words('connected', 'connecting', 'waiting'), resting: yes, node: orNull(text), name: orNull(text), rate: orNull(number), reason: orNull(text), in: count, out: count,
    broker: orNull(object({ members: count, equal: count, published: count, received: count, refused: count, repeated: count, sessions: count })),
  }),
  Counts: object(Object.fromEntries(['nodes', 'members', 'revoked', 'unknown', 'contact', 'silent', 'lacking', 'behind', 'quarantined', 'alarms'].map((name) => [name, count])), 'How many nodes there are of each sort, and alarms.'),
  BundleRow: object({ bundle: text, at: ms, events: count, bytes, for: list(named), arrived: list(object({ node: text, name: text, at: ms })) }),
  Fleet: object({
    version: text, now: ms, self: text, name: text, fleet: text, fleetName: text, uptimeMs: count, counts: ref('Counts'), nodes: list(ref('NodeRow')), 'next?': text, sampleMs: count, ...LISTS,
  }, 'The fleet at a glance.'),
  FleetChange: object({ version: text, now: ms, counts: ref('Counts'), 'nodes?': list(ref('NodeChange')), ...optional(LISTS) }, 'What has changed since a version.'),
  Nodes: object({ nodes: list(ref('NodeRow')), 'next?': text }),
  Links: object({ listening: list(text), links: list(ref('Link')) }),
  Receipts: object({ receipts: list(object({ node: text, name: text, at: ms, complete: yes })) }),
  Quarantine: object({ quarantine: list(object({ node: text, name: text, segments: count, bytes, state })) }),
  Bundles: object({ bundles: list(ref('BundleRow')) }),
  Named: named,
  Invitation: object({ token: { ...text, description: 'Whoever has it can join; it is shown this once.' }, addresses: list(text) }),
  Tokens: object({ tokens: list(object({ name: text, scope: words('read', 'append', 'admin'), at: ms, used: { ...time, description: 'When it was used last since the node was started.' } })) }),
  Token: object({ name: text, scope: words('read', 'append', 'admin'), token: { ...text, description: 'Shown this once.' } }),
  TokenGone: object({ name: text }),
  Ticket: object({ url: text, ms: count }),
  Imported: object({
    'error?': ref('Fault'), events: count, segments: object({ added: count, held: count, refused: count }), words: list(object({ node: text, name: text, made: { type: 'integer' } })),
    volumes: list(object({ bundle: text, volume: count, source: text, blocks: count, damaged: list(count), restored: count, complete: yes })),
    lost: list(object({ stream: text, log: text, first: count, last: count, volume: count })), missing: list(object({ bundle: text, volumes: list(count) })), unknownBytes: count,
  }, 'What was taken in; what was damaged, and the events that were lost with it.'),
};
