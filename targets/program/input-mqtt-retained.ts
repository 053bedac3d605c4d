// Which retained messages are news: those that differ from the last message that was seen on their topic, also before the last start.

import { createHash } from 'node:crypto';

/** Topics that are remembered; beyond that the ones that were silent longest are forgotten. */
const MOST_TOPICS = 4_096;

/** What was last seen on each topic. */
export interface SeenTopics {
  /** Remembers a message, and says whether it is another one than the last on its topic. */
  changed(topic: string, payload: Uint8Array): boolean;
  /** Forgets a topic, whose last message was not recorded after all. */
  forget(topic: string): void;
  /** Whether `list` says more than when it was last asked for. */
  readonly dirty: boolean;
  /** Topics and the marks of their payloads, to be remembered and handed to `seenTopics` again. */
  list(): [string, string][];
}

/** Remembers topics; `known` is what `list` gave, or anything else, which is ignored. */
export function seenTopics(known: unknown): SeenTopics {
  const seen = new Map<string, string>();
  let dirty = false;
  for (const each of Array.isArray(known) ? known.slice(0, MOST_TOPICS) as unknown[] : []) {
    if (Array.isArray(each) && typeof each[0] === 'string' && typeof each[1] === 'string') seen.set(each[0], each[1]);
  }
  return {
    changed(topic, payload) {
      const mark = createHash('sha256').update(payload).digest('base64url').slice(0, 16);
      const before = seen.get(topic);
      dirty ||= before !== mark;
      seen.delete(topic);
      seen.set(topic, mark);
      if (seen.size > MOST_TOPICS) seen.delete(seen.keys().next().value!);
      return before !== mark;
    },
    forget(topic) {
      dirty = seen.delete(topic) || dirty;
    },
    get dirty() {
      return dirty;
    },
    list() {
      dirty = false;
      return [...seen];
    },
  };
}
