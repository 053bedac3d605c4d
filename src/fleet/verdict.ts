// Who is a member: the fold of joins, invitations and revocations, each judged by its past (event/FORMAT.md section 6, rules 1 to 3).
//
// Why there is exactly one answer. What a revoke does to a join is asked about with the union of their pasts in hand, the revoke itself left out. Every question that
// this leads to is about a revoke and a join that both lie inside that union, so the union gets strictly smaller with every step: pasts are finite and have no
// cycles (they are made of hashes). None of these answers looks at what else is known, so none ever changes; only which revokes there are does.
// For the same reason a vertex can be judged for good when it comes in, after its past.
import type { Tip } from '../event/chain.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { equal, hex } from '../event/bytes.ts';
import type { Ancestry, FleetEvent, Vertex } from './ancestry.ts';
import { ownAncestry, pastOf } from './ancestry.ts';
import type { Bits } from './bits.ts';
import { NOBODY, has, including, union } from './bits.ts';
import type { JoinBody } from './body.ts';
import { isKeyHex, joinHolds, readAnnounced, readJoin, readRevoke } from './body.ts';

/** A join whose issuer is a root key or had been an admin by its past. `power` is its number among powers, -1 when it gives no administration. */
export interface Join { vertex: Vertex; body: JoinBody; inviteKey: string; issuer: string; root: boolean; supports: Join[]; power: number; sound: boolean | undefined }

/** A revoke that counts. `by` are its author's joins that make it count, `past` what it had seen, `kept` what its cut leaves in `$fleet`, `spent` the invite keys that it spends. */
export interface Revoke { vertex: Vertex; target: string; cut: Tip[]; why: string; by: Join[]; past: Bits; kept: Set<number>; spent: Set<string>; power: number; apart: WeakMap<Join, boolean> }

/** `valid`: its invitation holds; `killers`: the revokes that kill it. Live when valid and not killed. */
export interface Verdict { valid: boolean; killers: Revoke[] }

/** All joins and revokes, and what they do to each other. Lists: joins by their node, by their invite key, by their issuer (all hex). */
export class Verdicts {
  readonly joinsOf = new Map<string, Join[]>();
  readonly joinsFrom = new Map<string, Join[]>();
  readonly joinsBy = new Map<string, Join[]>();
  readonly revokes: Revoke[] = [];
  /** The powers that are revokes. */
  counted: Bits = NOBODY;
  readonly #admins = new Map<string, Join[]>();
  readonly #against = new Map<string, Revoke[]>();
  readonly #spending = new Map<string, Revoke[]>();
  readonly #announced = new Map<string, { vertex: Vertex; signed: Bytes }[]>();
  readonly #pasts = new Map<number, Bits>();
  readonly #memo = new Map<Join, Verdict>();
  #powers = 0;
  readonly #crypto: Crypto;
  readonly #fleet: Bytes;
  readonly #roots: Set<string>;
  readonly #ancestry: Ancestry;

  constructor(crypto: Crypto, fleet: Bytes, roots: Bytes[], ancestry: Ancestry) {
    this.#crypto = crypto;
    this.#fleet = fleet;
    this.#roots = new Set(roots.map(hex));
    this.#ancestry = ancestry;
  }

  /** True for a root key, in hex. */
  isRoot(key: string): boolean {
    return this.#roots.has(key);
  }

  /** Takes an event that has entered the graph; every vertex must come by here, in the order of the graph. */
  enter(vertex: Vertex, event: FleetEvent): Join | Revoke | undefined {
    vertex.passes = vertex.powers = powersOf(vertex);
    if (event.type === 'join') return this.#enterJoin(vertex, event);
    if (event.type === 'revoke') return this.#enterRevoke(vertex, event);
    if (event.type === 'invite') {
      const body = readAnnounced(event.body);
      if (body && hex(body.read.invite.inviteKey) === event.key) pushTo(this.#announced, event.key, { vertex, signed: body.signed });
    }
    return undefined;
  }

  /** The verdict on a join by all that is known. */
  of(join: Join): Verdict {
    return this.#judge(null, join, this.#memo);
  }

  /** True for a live join, whatever its signatures. */
  lives(join: Join): boolean {
    const { valid, killers } = this.of(join);
    return valid && killers.length === 0;
  }

  /** Checks a join's two signatures, once. */
  sound(join: Join): boolean {
    return join.sound ??= joinHolds(this.#crypto, this.#fleet, join.vertex.node, join.body);
  }

  /** The join that this event would be, with the verdict on it, if it came in now as `vertex`; undefined when it is not sound. */
  imagine(vertex: Vertex, event: FleetEvent): { join: Join; verdict: Verdict } | undefined {
    vertex.powers = powersOf(vertex);
    const join = this.#readJoin(vertex, event);
    if (!join || !this.sound(join)) return undefined;
    const verdict = this.of(join);
    this.#memo.delete(join);
    return { join, verdict };
  }

  /** The joins by which the author of an event with these powers in its past is admin in the set `view` of powers; in its own past when left out. */
  adminBy(author: string, powers: Bits, view = powers): Join[] {
    const memo = new Map<Join, Verdict>();
    return (this.#admins.get(author) ?? []).filter((join) => {
      if (!has(powers, join.power)) return false;
      const { valid, killers } = this.#judge(view, join, memo);
      return valid && killers.length === 0;
    });
  }

  /** The invite keys that more than one node joined by. */
  *reused(): Generator<[string, Join[]]> {
    for (const [key, joins] of this.joinsFrom) if (joins.some((j) => j.vertex.author !== joins[0]!.vertex.author)) yield [key, joins];
  }

  #readJoin(vertex: Vertex, event: FleetEvent): Join | undefined {
    if (event.key !== vertex.author) return undefined;
    const body = readJoin(event.body);
    if (!body || !equal(body.read.invite.fleet, this.#fleet)) return undefined;
    const issuer = hex(body.read.invite.issuer);
    const root = this.#roots.has(issuer);
    const supports = root ? [] : (this.#admins.get(issuer) ?? []).filter((join) => has(vertex.powers, join.power));
    if (!root && supports.length === 0) return undefined;
    return { vertex, body, inviteKey: hex(body.read.invite.inviteKey), issuer, root, supports, power: -1, sound: undefined };
  }

  #enterJoin(vertex: Vertex, event: FleetEvent): Join | undefined {
    const join = this.#readJoin(vertex, event);
    if (!join) return undefined;
    if (join.body.read.invite.rights.admin) {
      // Others rest on it, so its signatures are checked now; those of all others when somebody asks.
      if (!this.sound(join)) return undefined;
      join.power = this.#powers++;
      vertex.passes = including(vertex.powers, join.power);
      pushTo(this.#admins, vertex.author, join);
    }
    pushTo(this.joinsOf, vertex.author, join);
    pushTo(this.joinsFrom, join.inviteKey, join);
    pushTo(this.joinsBy, join.issuer, join);
    for (const revoke of this.#against.get(vertex.author) ?? []) this.#kills(revoke, join);
    return join;
  }

  #enterRevoke(vertex: Vertex, event: FleetEvent): Revoke | undefined {
    const by = this.adminBy(vertex.author, vertex.powers);
    const body = isKeyHex(event.key) && by.length > 0 ? readRevoke(event.body) : undefined;
    if (!body) return undefined;
    const target = event.key, past = pastOf(vertex, this.#pasts);
    const inPast = body.cut.map((tip) => this.#ancestry.at(tip)).filter((v) => v !== undefined && v.author === target && has(past, v.index)) as Vertex[];
    const joins = this.joinsOf.get(target) ?? [];
    const spent = new Set(joins.filter((join) => has(past, join.vertex.index) && this.sound(join)).map((join) => join.inviteKey));
    const revoke: Revoke = { vertex, target, cut: body.cut, why: body.why, by, past, kept: ownAncestry(inPast), spent, power: this.#powers++, apart: new WeakMap() };
    this.#pasts.set(vertex.index, past);
    vertex.passes = including(vertex.powers, revoke.power);
    this.counted = including(this.counted, revoke.power);
    this.revokes.push(revoke);
    pushTo(this.#against, target, revoke);
    for (const key of spent) pushTo(this.#spending, key, revoke);
    for (const join of joins) this.#kills(revoke, join);
    this.#memo.clear();
    return revoke;
  }

  /** Rule 3. */
  #kills(revoke: Revoke, join: Join): boolean {
    const theirs = join.vertex.author === revoke.target;
    if (has(revoke.past, join.vertex.index)) return theirs;
    if (revoke.spent.has(join.inviteKey)) return true;
    if (!theirs || has(join.vertex.powers, revoke.power)) return false;
    let kills = revoke.apart.get(join);
    if (kills === undefined) {
      const view = union(revoke.vertex.powers, join.vertex.powers);
      kills = this.adminBy(revoke.vertex.author, revoke.vertex.powers, view).length > 0;
      // Vertices come in after their pasts, so this is asked for each pair when the later one comes in: the recursion is one step deep.
      revoke.apart.set(join, kills);
    }
    return kills;
  }

  /** Rule 1: what `revoke` had seen of an invitation that led to `join`. */
  #spares(revoke: Revoke, join: Join): boolean {
    if (has(revoke.past, join.vertex.index)) return true;
    return (this.#announced.get(join.inviteKey) ?? []).some(({ vertex, signed }) => has(revoke.past, vertex.index) && equal(signed, join.body.signed)
      && (vertex.author !== revoke.target || revoke.kept.has(vertex.index)));
  }

  /** Rules 1 and 2 in the set of all events (null) or in that of these powers. */
  #judge(view: Bits | null, join: Join, memo: Map<Join, Verdict>): Verdict {
    const known = memo.get(join);
    if (known) return known;
    // A chain of invitations may be long: first all that it rests on, then from its beginning.
    const chain = new Set([join]);
    for (const one of chain) for (const support of one.supports) if (!memo.has(support)) chain.add(support);
    for (const one of [...chain].sort((a, b) => a.vertex.index - b.vertex.index)) {
      const valid = one.root || one.supports.some((support) => {
        const verdict = memo.get(support)!;
        return verdict.valid && verdict.killers.every((revoke) => this.#spares(revoke, one));
      });
      memo.set(one, { valid, killers: this.#killers(view, one) });
    }
    return memo.get(join)!;
  }

  #killers(view: Bits | null, join: Join): Revoke[] {
    const against = this.#against.get(join.vertex.author) ?? [];
    const spending = this.#spending.get(join.inviteKey) ?? [];
    if (against.length + spending.length === 0) return [];
    return [...new Set([...against, ...spending])].filter((revoke) => (view === null || has(view, revoke.power)) && this.#kills(revoke, join));
  }
}

function powersOf(vertex: Vertex): Bits {
  let powers = NOBODY;
  for (const other of vertex.own) powers = union(powers, other.passes);
  for (const other of vertex.seen) powers = union(powers, other.passes);
  return powers;
}

/** Adds to a list in a map. */
export function pushTo<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list) list.push(item); else map.set(key, [item]);
}
