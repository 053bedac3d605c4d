// Topics of the fan-out: levels that tell a stranger nothing, each node below its own.

import { Fault } from '../fault.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { base64url, concat, hex, unhex, utf8 } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { PREFIX_LEVELS, TOPIC_KEYS } from './fanout-bounds.ts';

/** What a topic below the fleet's level says: who may publish there, what kind of message it carries, and the last level. */
export interface Place { level: string; kind: 's' | 'h' | 'to'; last: string }

/** The topics of one node in one fleet (FANOUT §1). */
export interface Topics {
  /** All that this node publishes is below this topic; all that its fleet does below that. */
  readonly own: string;
  readonly all: string;
  /** The node level of this node. */
  readonly level: string;
  segments(stream: string): string;
  head(instance: Bytes): string;
  to(instance: Bytes): string;
  levelOf(node: Bytes): string;
  streamLevel(stream: string): string;
  /** Under which the processes of this node share what is live; who does not know the fleet's id cannot name it. */
  readonly group: string;
  /** Filters for all heads, and what is sent to `instance`. */
  filters(instance: Bytes): string[];
  /** Filters for the segments of `interest` and `$fleet` (null: all). */
  live(interest: string[] | null): string[];
  /** Undefined for a topic that is not one of this fleet. */
  read(topic: string): Place | undefined;
  /** The topic without the prefix, as the seal names it. */
  inner(topic: string): string;
}

const LEVEL = /^[A-Za-z0-9_-]{11,12}$/;

/** The topics of a node. Fault `bad-argument` for a prefix that no broker takes, or of more than 4 levels. */
export function topicsOf(crypto: Crypto, fleet: Bytes, node: Bytes, prefix: string): Topics {
  const levels = prefix.split('/');
  if (levels.length > PREFIX_LEVELS || prefix.startsWith('$') || levels.some((level) => !/^[^+#/\0\s]{1,64}$/.test(level))) {
    throw new Fault('bad-argument', `"${prefix}" is no prefix for topics: write 1 to ${PREFIX_LEVELS} levels such as hf or plant/hf, without + and #, not beginning with $`);
  }
  const level = (label: string, of: Bytes): string => base64url(crypto.mac(fleet, concat(domain(label), of)).subarray(0, 9));
  const streamLevel = kept((stream) => level('broker stream', utf8(stream)));
  const nodeLevel = kept((name) => level('broker node', unhex(name)));
  const fleetLevel = level('broker fleet', new Uint8Array(0)), all = `${prefix}/${fleetLevel}`;
  const ownLevel = level('broker node', node), own = `${all}/${ownLevel}`;
  return {
    own, all, level: ownLevel, streamLevel,
    segments: (stream) => `${own}/s/${streamLevel(stream)}`,
    head: (instance) => `${own}/h/${base64url(instance)}`,
    to: (instance) => `${own}/to/${base64url(instance)}`,
    levelOf: (of) => nodeLevel(hex(of)),
    group: level('broker group', node),
    filters: (instance) => [`${all}/+/to/${base64url(instance)}`, `${all}/+/h/+`],
    live: (interest) => (interest === null ? [`${all}/+/s/+`] : [...new Set(['$fleet', ...interest])].map((stream) => `${all}/+/s/${streamLevel(stream)}`)),
    read(topic) {
      if (!topic.startsWith(`${all}/`)) return undefined;
      const [node, kind, last, more] = topic.slice(all.length + 1).split('/');
      if (node === undefined || last === undefined || more !== undefined || !LEVEL.test(node) || !LEVEL.test(last)) return undefined;
      return kind === 's' || kind === 'h' || kind === 'to' ? { level: node, kind, last } : undefined;
    },
    inner: (topic) => topic.slice(prefix.length + 1),
  };
}

/** Remembers what was worked out; names come from others, so not for ever. */
function kept(make: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let found = known.get(name);
    if (found === undefined) {
      if (known.size >= TOPIC_KEYS) known.clear();
      known.set(name, found = make(name));
    }
    return found;
  };
}
