// The rules of the fleet once more, word by word from FORMAT.md section 6 and without any thought of speed: what the fold is compared with.
import { equal, hex } from '../../src/event/bytes.ts';
import type { Tip } from '../../src/event/chain.ts';
import { joinHolds, readAnnounced, readJoin, readKey, readRelease, readRevoke, seenOf } from '../../src/fleet/body.ts';
import type { FleetEvent } from '../../src/fleet/ancestry.ts';
import type { Crypto } from '../../src/ports.ts';

type Set_ = ReadonlySet<string>;

/** The live joins, the revokes that count, the admitted events, and the releases and keys in effect, of a set of events; each as the hex of its e. */
export function reference(crypto: Crypto, fleet: Uint8Array, roots: Uint8Array[], given: FleetEvent[]): { live: string[]; counted: string[]; admitted: string[]; inEffect: string[] } {
  const events = new Map(given.map((event) => [hex(event.e), event]));
  const at = (tip: Tip): FleetEvent | undefined => {
    const event = events.get(hex(tip.e));
    return event && equal(event.log, tip.log) && event.position === tip.position ? event : undefined;
  };
  const own = (event: FleetEvent): Tip[] => (event.position > 1 ? [{ log: event.log, position: event.position - 1, e: event.before }] : event.cites);

  const pasts = new Map<string, Set_ | null>();
  /** null: a part is missing. */
  const past = (id: string): Set_ | null => {
    const known = pasts.get(id);
    if (known !== undefined) return known;
    const event = events.get(id)!;
    let all: Set<string> | null = new Set();
    for (const tip of [...own(event), ...seenOf(event.body)]) {
      const other = at(tip), before: Set_ | null = other ? past(hex(other.e)) : null;
      if (!before || !all) { all = null; continue; }
      all.add(hex(tip.e));
      for (const one of before) all.add(one);
    }
    pasts.set(id, all);
    return all;
  };
  const parts = [...events.keys()].filter((id) => past(id) !== null);
  const everything: Set_ = new Set(parts);
  const join = (id: string) => {
    const event = events.get(id)!;
    return event.type === 'join' && event.key === hex(event.node) ? readJoin(event.body) : undefined;
  };
  const memo = new Map<string, unknown>();
  const once = <T>(key: string, make: () => T): T => {
    if (!memo.has(key)) memo.set(key, make());
    return memo.get(key) as T;
  };
  const sound = (id: string): boolean => once(`sound ${id}`, () => {
    const body = join(id);
    if (!body || !equal(body.read.invite.fleet, fleet) || !joinHolds(crypto, fleet, events.get(id)!.node, body)) return false;
    return isRooted(id) || supports(id).length > 0;
  });
  const isRooted = (id: string) => roots.some((root) => equal(root, join(id)!.read.invite.issuer));
  const supports = (id: string): string[] => [...past(id)!].filter((other) => isAdminJoin(other) && equal(events.get(other)!.node, join(id)!.read.invite.issuer));
  const isAdminJoin = (id: string) => join(id)?.read.invite.rights.admin === true && sound(id);
  const revokesIn = (view: Set_) => [...view].filter((id) => counts(id));

  const ancestry = (tips: Tip[], node: Uint8Array, within: Set_): Set<string> => {
    const found = new Set<string>();
    const stack = [...tips];
    for (let tip = stack.pop(); tip; tip = stack.pop()) {
      const event = at(tip);
      if (!event || !within.has(hex(tip.e)) || !equal(event.node, node) || found.has(hex(tip.e))) continue;
      found.add(hex(tip.e));
      stack.push(...own(event));
    }
    return found;
  };
  const spares = (revoke: string, id: string): boolean => {
    const seen = past(revoke)!, r = events.get(revoke)!;
    if (seen.has(id)) return true;
    return [...seen].some((other) => {
      const event = events.get(other)!, body = event.type === 'invite' ? readAnnounced(event.body) : undefined;
      if (!body || event.key !== hex(body.read.invite.inviteKey) || !equal(body.signed, join(id)!.signed)) return false;
      return hex(event.node) !== r.key || ancestry(readRevoke(r.body)!.cut, event.node, seen).has(other);
    });
  };
  const valid = (view: Set_, id: string): boolean => sound(id) && (isRooted(id)
    || supports(id).some((s) => valid(view, s) && revokesIn(view).every((r) => !kills(r, s) || spares(r, id))));
  const lives = (view: Set_, id: string): boolean => valid(view, id) && !revokesIn(view).some((r) => kills(r, id));
  const admin = (id: string, view: Set_): boolean => [...past(id)!].some((j) => isAdminJoin(j) && equal(events.get(j)!.node, events.get(id)!.node) && lives(view, j));
  const counts = (id: string): boolean => once(`counts ${id}`, () => {
    const event = events.get(id)!;
    return event.type === 'revoke' && /^[0-9a-f]{64}$/.test(event.key) && readRevoke(event.body) !== undefined && admin(id, past(id)!);
  });
  const kills = (revoke: string, id: string): boolean => once(`kills ${revoke} ${id}`, () => {
    const seen = past(revoke)!, theirs = (j: string) => sound(j) && hex(events.get(j)!.node) === events.get(revoke)!.key;
    if (seen.has(id)) return theirs(id);
    const spent = [...seen].some((j) => theirs(j) && equal(join(j)!.read.invite.inviteKey, join(id)!.read.invite.inviteKey));
    if (spent) return true;
    if (hex(events.get(id)!.node) !== events.get(revoke)!.key || past(id)!.has(revoke)) return false;
    return admin(revoke, new Set([...seen, ...past(id)!]));
  });

  const live = parts.filter((id) => join(id) && lives(everything, id));
  const members = new Set(live.map((id) => hex(events.get(id)!.node)));
  const counted = parts.filter(counts);
  const admitted = new Set([...parts.filter((id) => members.has(hex(events.get(id)!.node))), ...counted]);
  for (const id of admitted) for (const other of past(id)!) admitted.add(other);

  const leaves = (ancestor: string, tips: Tip[], id: string) => events.get(ancestor)!.key === hex(events.get(id)!.node) && ancestry(tips, events.get(id)!.node, past(ancestor)!).has(id);
  const inEffect = (id: string): boolean => once(`in effect ${id}`, () => {
    const event = events.get(id)!;
    const reads = (event.type === 'key' && /^[0-9a-f]{32}$/.test(event.key) && readKey(event.body)) || (event.type === 'release' && /^[0-9a-f]{64}$/.test(event.key) && readRelease(event.body));
    return !!reads && [...past(id)!].some((j) => isAdminJoin(j) && equal(events.get(j)!.node, event.node) && lives(past(id)!, j) && valid(everything, j)
      && (counted.filter((r) => kills(r, j)).every((r) => leaves(r, readRevoke(events.get(r)!.body)!.cut, id))
        || parts.some((other) => past(other)!.has(id) && events.get(other)!.type === 'release' && inEffect(other) && leaves(other, readRelease(events.get(other)!.body)!, id))));
  });
  return { inEffect: parts.filter(inEffect).sort(), live: live.sort(), counted: counted.sort(), admitted: [...admitted].sort() };
}
