// Sentences that come in parts (satellites in view, AIS) joined to one, in bounded memory and time.

import { Fault } from '../../src/fault.ts';
import type { InputContext } from './input.ts';
import { readNumber } from './input-nmea-fields.ts';
import type { Sentence } from './input-nmea-sentence.ts';

/** Parts of one group at most, groups that may be open at once, and how long one waits for its next part, in milliseconds. */
const MOST_PARTS = 32, MOST_GROUPS = 64, PATIENCE_MS = 5_000;

/** A whole group: the sentences in their order, and the lines that they were. */
export interface Group { sentences: Sentence[]; raw: string }

type Refuse = InputContext['refuse'];
interface Open { sentences: Sentence[]; lines: string[]; total: number; until: number }

/** Which group a sentence belongs to, and its place in it; undefined for one that stands alone. */
function placeOf({ talker, kind, packed, fields, source }: Sentence): { group: string; total: number; part: number } | undefined {
  if (!packed && kind !== 'GSV') return undefined;
  const total = readNumber(fields[0], 'the number of parts', 1, MOST_PARTS), part = readNumber(fields[1], 'the part', 1, MOST_PARTS);
  if (total === undefined || part === undefined || !Number.isInteger(total) || !Number.isInteger(part) || part > total) throw new Fault('bad-value', `part ${JSON.stringify(fields[1] ?? '')} of ${JSON.stringify(fields[0] ?? '')}`);
  // Satellites by the signal that they are heard on; AIS by the number that the receiver gave the message, and its channel.
  const which = packed ? `${fields[2]}/${fields[3]}/${source ?? ''}` : fields.length % 4 === 0 ? fields.at(-1) : '';
  return { group: `${talker}${kind}/${which}`, total, part };
}

/** Joins groups. */
export function sentenceGroups(): {
  /** The group that this sentence completes (one that stands alone: itself), or undefined while parts are to come. Fault `bad-encoding`, `bad-value` for a part without the ones before it. */
  add(sentence: Sentence, line: string, now: number, refuse: Refuse): Group | undefined;
  /** Gives up the groups whose time is over. */
  expire(now: number, refuse: Refuse): void;
  readonly due: number | undefined;
} {
  const open = new Map<string, Open>();
  const giveUp = (name: string, why: string, refuse: Refuse) => {
    const { sentences, lines, total } = open.get(name)!;
    open.delete(name);
    refuse('bad-encoding', `${sentences.length} of ${total} parts, then ${why}`, lines.join('\n'));
  };
  return {
    add(sentence, line, now, refuse) {
      const place = placeOf(sentence);
      if (place === undefined || place.total === 1) return { sentences: [sentence], raw: line };
      const { group, total, part } = place;
      let held = open.get(group);
      if (held !== undefined && (part !== held.sentences.length + 1 || total !== held.total)) {
        giveUp(group, `part ${part} of ${total}`, refuse);
        held = undefined;
      }
      if (held === undefined) {
        if (part !== 1) throw new Fault('bad-encoding', `part ${part} of ${total} without the ones before it`);
        if (open.size >= MOST_GROUPS) giveUp(open.keys().next().value!, 'too many other groups', refuse);
        held = { sentences: [], lines: [], total, until: 0 };
      }
      held.sentences.push(sentence);
      held.lines.push(line);
      held.until = now + PATIENCE_MS;
      // At the end of the order: the first one is the one that waits longest.
      open.delete(group);
      if (part < total) {
        open.set(group, held);
        return undefined;
      }
      return { sentences: held.sentences, raw: held.lines.join('\n') };
    },
    expire(now, refuse) {
      for (const [name, { until }] of open) if (until <= now) giveUp(name, 'no more', refuse);
    },
    get due() {
      return open.values().next().value?.until;
    },
  };
}

/** The satellites that all parts of a group name. Fault `bad-value`, `bad-encoding`. */
export function satellitesInView(sentences: Sentence[]): Map<string, unknown> {
  const value = new Map<string, unknown>();
  const satellites: { [name: string]: number }[] = [];
  for (const { fields } of sentences) {
    const inView = readNumber(fields[2], 'satellites_in_view', 0, 999);
    if (inView !== undefined) value.set('satellites_in_view', inView);
    for (let at = 3; at + 3 < fields.length; at += 4) {
      const satellite: [string, number | undefined][] = [
        ['satellite', readNumber(fields[at], 'a satellite', 0, 999)], ['elevation_deg', readNumber(fields[at + 1], 'elevation_deg', -90, 90)],
        ['azimuth_deg', readNumber(fields[at + 2], 'azimuth_deg', 0, 360)], ['snr_db', readNumber(fields[at + 3], 'snr_db', 0, 99)],
      ];
      const known = satellite.filter((each): each is [string, number] => each[1] !== undefined);
      if (known.length > 0) satellites.push(Object.fromEntries(known));
    }
    // A signal, where there is one, stands after the satellites.
    if (fields.length % 4 === 0 && fields.at(-1) !== '') value.set('signal', fields.at(-1));
  }
  value.set('satellites', satellites);
  return value;
}
