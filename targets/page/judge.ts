// What is to be thought of a node and of an alarm: how it stands, in a word and in a sentence, and what to do about it.

import type { AlarmRow, LinkRow, NodeRow } from '../program/fleet-rows.ts';
import { bytes, counted, span } from './format.ts';

/** How a node stands. `good`: in touch; `past`: between two contacts, as it is its habit; `odd`, `bad`: somebody should look; `gone`: revoked; `never`: nothing was heard of it. */
export type Mark = 'good' | 'past' | 'odd' | 'bad' | 'gone' | 'never';

/** A disk is low below these bytes, or below this share. */
const DISK_BYTES = 500_000_000, DISK_SHARE = 0.05;
/** A clock is wrong when it is off by more, ms. */
const CLOCK_OFF = 60_000;

/** Whether little is left of a disk. */
export function diskLow({ free, total }: { free: number; total: number }): boolean {
  return free < DISK_BYTES || free < total * DISK_SHARE;
}

/** Whether a clock is off by more than a minute. */
export function clockOff(row: Pick<NodeRow, 'clock'>): boolean {
  return Math.abs(row.clock?.offset ?? 0) > CLOCK_OFF;
}

/** How a node stands, and why, in a few words; at `now`. */
export function judge(row: NodeRow, now: number): { mark: Mark; words: string } {
  if (row.state === 'revoked') return { mark: 'gone', words: 'revoked' };
  if (row.state === 'unknown') return { mark: 'odd', words: 'not admitted' };
  if (row.silent !== null) return { mark: 'bad', words: `silent for ${span(now - row.silent.since)}` };
  if (row.alarms > 0) return { mark: 'bad', words: counted(row.alarms, 'alarm') };
  if (row.disk !== null && diskLow(row.disk)) return { mark: 'odd', words: `${bytes(row.disk.free)} of disk left` };
  if (clockOff(row)) return { mark: 'odd', words: `clock ${span(Math.abs(row.clock!.offset!))} ${row.clock!.offset! > 0 ? 'ahead' : 'behind'}` };
  if (row.quarantine !== null && row.quarantine.segments > 0) return { mark: 'odd', words: 'some in quarantine' };
  if (row.self) return { mark: 'good', words: 'this node' };
  if (row.contact === null) return { mark: 'never', words: 'never heard of' };
  return row.contact.state === 'past' ? { mark: 'past', words: 'between contacts' } : { mark: 'good', words: row.contact.state === 'connected' ? 'connected' : 'at the broker' };
}

/** Whether what a node holds is elsewhere too, as far as is known from what the others have confirmed: in words, with a mark. */
export function copies(rows: Iterable<NodeRow>): { mark: Mark; words: string } {
  const others = [...rows].filter(({ self, state }) => !self && state === 'member');
  if (others.length === 0) return { mark: 'odd', words: 'What is recorded here is nowhere else: no other node is in the fleet.' };
  if (others.every(({ lacks }) => lacks === null)) return { mark: 'past', words: 'It is not known yet what the others hold of it.' };
  const lacks = others.map((row) => row.lacks).filter((each) => each !== null && each.at !== null).map((each) => each!.events);
  if (lacks.length === 0) return { mark: 'odd', words: 'No other node is known to hold a copy of what is here.' };
  const whole = lacks.filter((events) => events === 0).length;
  if (whole > 0) return { mark: 'good', words: `All that is here is held by ${whole === 1 ? 'another node' : `${whole} other nodes`} too.` };
  return { mark: 'odd', words: `Up to ${counted(Math.min(...lacks), 'event')} may be nowhere else yet.` };
}

/** Marks from what needs somebody most to what needs nobody. */
export const MARKS: readonly Mark[] = ['bad', 'odd', 'never', 'past', 'good', 'gone'];

/** A link by which something came, in few words: its address, or what carried it. */
export function carrier(by: string): string {
  if (by === 'bundle') return 'a bundle';
  if (by === 'receipt') return 'its receipt';
  if (by === 'exchange') return 'an exchange';
  if (by === 'events') return 'its events';
  return by;
}

/** What carries a link: the beginning of its address. */
export function kindOf(url: string): string {
  return /^([a-z]+):/.exec(url)?.[1]?.replace(/^mqtts$/, 'mqtt') ?? 'other';
}

/** How a link stands, in words. That no stick is in is as it should be. */
export function linkWords(link: LinkRow): { mark: Mark; words: string } {
  if (link.resting) return { mark: 'past', words: `standing by${link.name === null ? '' : ` for ${link.name}`}` };
  if (link.state === 'connected') return { mark: 'good', words: link.broker !== null ? `${counted(link.broker.members, 'node')} there` : link.name ?? 'connected' };
  if (link.state === 'connecting') return { mark: 'past', words: 'connecting …' };
  return kindOf(link.url) === 'file' ? { mark: 'past', words: 'no stick' } : { mark: 'bad', words: 'out of reach' };
}

/** What each kind of alarm means, and what to do. */
export const ADVICE: { readonly [kind in AlarmRow['kind']]: { title: string; todo: string } } = {
  fork: { title: 'Fork', todo: 'Two histories go by the same numbers: a running machine was copied with its memory, or its key is used twice. Both are kept, nothing is lost. Find the copy; if you cannot tell which is real, revoke the node and invite it again.' },
  clone: { title: 'Clone', todo: 'Two machines write as this node: a card was copied, or a backup restored beside the original. Both histories are kept. Stop one of them, or let it join by an invitation of its own.' },
  quarantine: { title: 'Quarantine', todo: 'What came of this node does not count: it was revoked before it wrote this, or was never let in. Release it if it is to count; what is not released does no harm.' },
  clock: { title: 'Clock', todo: 'Its times are off; order does not depend on them. Give the device a time server or a clock with a battery.' },
  disk: { title: 'Disk', todo: 'Soon it cannot record any more. Free space on the device, or give it a larger disk.' },
  silence: { title: 'Silence', todo: 'Nothing was heard of it for much longer than usual. Look at its power and its lines. If its lines are cut, carry a bundle there.' },
  damage: { title: 'Damage', todo: 'Something stored does not match its hash. On that machine, holdfast verify --repair drops it and fetches it again from others.' },
  other: { title: 'Alarm', todo: '' },
};
