// The fleet as the fold of all `$fleet` events: who is a member with which rights, what revocations left, which key is current. A pure function of the set of
// events, whatever their order; events that are not admitted change nothing, so nodes that hold different ones of these agree all the same.
import type { Tip } from '../event/chain.ts';
import type { Bytes, Crypto } from '../ports.ts';
import type { Value } from '../event/value.ts';
import { compare, hex, unhex } from '../event/bytes.ts';
import { compareTips, encodeTip, sortTips } from '../event/chain.ts';
import { admittedHeads, admittedTips } from './admission.ts';
import type { Alarm } from './alarm.ts';
import { alarmsOf } from './alarm.ts';
import type { FleetEvent, Vertex } from './ancestry.ts';
import { Ancestry, pastOf } from './ancestry.ts';
import { has } from './bits.ts';
import { Changes } from './changes.ts';
import { Effects, compareVertices } from './effect.ts';
import { fleetId, parseGenesis } from './genesis.ts';
import type { Rights } from './rights.ts';
import type { Join } from './verdict.ts';
import { Verdicts } from './verdict.ts';

/** What a grant is worth now. `cuts`: one list for each revoke that killed it, events in the ancestry of a tip of every list stay valid; `releases`: what is in the
 * ancestry of one of these is valid too. In `$fleet` these also name what stays admitted because others rest on it. */
export type Standing = { state: 'live'; rights: Rights } | { state: 'killed'; rights: Rights; cuts: Tip[][]; releases: Tip[] } | { state: 'unknown' };

/** A node by its best join: `grant` the first 8 bytes of that join's e, `box` its X25519 public key, `joinedBy` the issuer of its invitation, `revokedBy` the authors of the revokes that killed it. */
export interface Member { node: Bytes; name: string; box: Bytes; rights: Rights; state: 'live' | 'killed'; grant: Bytes; joinedBy: Bytes; revokedBy: Bytes[] }

/** Answers of `member` that are kept. */
const MEMBERS_KEPT = 1_000;

/** One fleet as one node knows it. Signatures of joins are checked when somebody first asks about them, at once only those of admins. */
export class Membership {
  readonly fleet: Bytes;
  /** Counts up whenever something came in. */
  version = 0;
  readonly #ancestry = new Ancestry();
  readonly #verdicts: Verdicts;
  readonly #effects: Effects;
  readonly #changes: Changes;
  /** The events that nothing had seen. */
  readonly #tops = new Set<Vertex>();
  readonly #revokes = new Set<number>();
  /** What `member` answered since the last event came in. */
  readonly #asked = new Map<string, Member | undefined>();
  #askedAt = 0;

  /** An empty fleet. Faults as `parseGenesis`. */
  constructor(crypto: Crypto, genesis: Bytes) {
    this.fleet = fleetId(crypto, genesis);
    this.#verdicts = new Verdicts(crypto, this.fleet, parseGenesis(genesis).roots, this.#ancestry);
    this.#effects = new Effects(this.#ancestry, this.#verdicts);
    this.#changes = new Changes(this.#ancestry, this.#verdicts, this.#effects);
  }

  /**
   * Takes `$fleet` events whose segments were checked: all that this node has, those in quarantine of authors that it knows too (a revoke by a revoked node may count,
   * and what others had seen comes back). Any order, any number of times. Returns the nodes whose standing may have changed.
   */
  add(events: FleetEvent[]): Bytes[] {
    for (const event of events) {
      this.#ancestry.add(event, (vertex, entered) => {
        const power = this.#verdicts.enter(vertex, entered);
        const release = this.#effects.enter(vertex, entered);
        this.#changes.note(vertex, power, release);
        if (power && 'target' in power) this.#revokes.add(vertex.index);
        this.#tops.add(vertex);
        for (const list of [vertex.own, vertex.seen]) for (const other of list) this.#tops.delete(other);
        this.version++;
      });
    }
    return this.#changes.take().map(unhex);
  }

  /** How many events wait until what they had seen is here. */
  get waiting(): number {
    return this.#ancestry.waiting;
  }

  /** The standing of a node's grant (8 bytes of its join's e); for `$fleet`, whose grant is zero, of the best that the node has. */
  standing(node: Bytes, grant: Bytes): Standing {
    const id = hex(node);
    const fleetWide = grant.every((byte) => byte === 0);
    const joins = (this.#verdicts.joinsOf.get(id) ?? []).filter((join) => fleetWide || compare(join.vertex.tip.e.subarray(0, 8), grant) === 0);
    const join = this.#best(joins);
    if (!join) return { state: 'unknown' };
    const { rights } = join.body.read.invite;
    if (this.#verdicts.lives(join)) return { state: 'live', rights };
    const { valid, killers } = this.#verdicts.of(join);
    const cuts = killers.map((revoke) => (revoke.target === id ? revoke.cut : []));
    if (!valid) cuts.push([]);
    const releases = this.#effects.releases().filter((release) => release.target === id).flatMap((release) => release.tips);
    if (fleetWide) for (const tip of admittedTips(this.#ancestry.by(id), (v) => this.#stands(v))) releases.push(tip);
    return { state: 'killed', rights, cuts: cuts.sort(compareCuts), releases: sortTips(releases) };
  }

  /** The live one of some joins, else a killed one; of several the last in fold order. Only sound ones. */
  #best(joins: Join[]): Join | undefined {
    const ordered = [...joins].sort((a, b) => compareVertices(a.vertex, b.vertex));
    return ordered.findLast((join) => this.#verdicts.lives(join) && this.#verdicts.sound(join)) ?? ordered.findLast((join) => this.#verdicts.sound(join));
  }

  #livesIn(author: string): boolean {
    return (this.#verdicts.joinsOf.get(author) ?? []).some((join) => this.#verdicts.lives(join) && this.#verdicts.sound(join));
  }

  /** Admitted by itself (rule 5). */
  #stands(vertex: Vertex): boolean {
    return this.#revokes.has(vertex.index) || this.#livesIn(vertex.author);
  }

  /** True when this event is a join that is live, or would be if it came in now. */
  wouldJoin(event: FleetEvent): boolean {
    if (event.type !== 'join') return false;
    const tip = { log: event.log, position: event.position, e: event.e };
    const here = this.#ancestry.at(tip);
    if (here) return (this.#verdicts.joinsOf.get(here.author) ?? []).some((join) => join.vertex === here && this.#verdicts.lives(join) && this.#verdicts.sound(join));
    const vertex = this.#ancestry.imagine(event);
    const would = vertex && this.#verdicts.imagine(vertex, event);
    return would !== undefined && would.verdict.valid && would.verdict.killers.length === 0;
  }

  /** Everybody who ever joined, by node id. */
  members(): Member[] {
    const members = [...this.#verdicts.joinsOf.keys()].map((id) => this.#memberOf(id));
    return members.filter((m) => m !== undefined).sort((a, b) => compare(a.node, b.node));
  }

  /** Nodes with a join that does not live: their logs, or some of them, count in part only. */
  judged(): Bytes[] {
    return [...this.#verdicts.joinsOf.values()].filter((joins) => !joins.every((join) => this.#verdicts.lives(join))).map((joins) => joins[0]!.vertex.node);
  }

  /** How a node stands by each of its grants, as plain items: the same as long as no verdict on it changes. */
  standings(node: Bytes): Value[] {
    const grants = (this.#verdicts.joinsOf.get(hex(node)) ?? []).map((join) => join.vertex.tip.e.slice(0, 8)).sort(compare);
    return grants.map((grant) => {
      const standing = this.standing(node, grant);
      return standing.state === 'killed' ? [grant, standing.cuts.map((cut) => cut.map(encodeTip)), standing.releases.map(encodeTip)] : [grant, standing.state];
    });
  }

  /** Where a node's best join stands in `$fleet`. */
  joinTip(node: Bytes): Tip | undefined {
    return this.#best(this.#verdicts.joinsOf.get(hex(node)) ?? [])?.vertex.tip;
  }

  /** One node that ever joined. Asked with every append: worked out once for as long as nothing comes in. */
  member(node: Bytes): Member | undefined {
    if (this.#askedAt !== this.version) this.#asked.clear();
    this.#askedAt = this.version;
    const id = hex(node), known = this.#asked.get(id);
    if (known || this.#asked.has(id)) return known;
    const member = this.#memberOf(id);
    if (this.#asked.size < MEMBERS_KEPT) this.#asked.set(id, member);
    return member;
  }

  #memberOf(id: string): Member | undefined {
    const join = this.#best(this.#verdicts.joinsOf.get(id) ?? []);
    if (!join) return undefined;
    const { vertex, body } = join;
    const { killers } = this.#verdicts.of(join);
    const by = new Map(killers.map((revoke) => [revoke.vertex.author, revoke.vertex.node]));
    return {
      node: vertex.node, name: body.name, box: body.box, rights: body.read.invite.rights, state: this.#verdicts.lives(join) ? 'live' : 'killed',
      grant: vertex.tip.e.slice(0, 8), joinedBy: body.read.invite.issuer, revokedBy: [...by.values()].sort(compare),
    };
  }

  /** The events that nothing admitted had seen: what the next event of a node has to cite. Sorted. */
  heads(): Tip[] {
    return sortTips(admittedHeads(this.#tops, (v) => this.#stands(v)).map((v) => v.tip));
  }

  /** What the next event in this log (none: in a new one) must name in `seen`: the heads that are not its own. Split it with `spread` when it is long. */
  seen(log?: Bytes): Tip[] {
    return this.heads().filter((tip) => !log || compare(tip.log, log) !== 0);
  }

  /** The events that a new node must hold for its join by an invitation of this issuer to be judged: the issuer's live admin join with the shortest past, and that past. Empty
   * for a root key; undefined when the issuer is no admin. */
  context(issuer: Bytes): Tip[] | undefined {
    if (this.#verdicts.isRoot(hex(issuer))) return [];
    let best: Tip[] | undefined;
    for (const join of this.#verdicts.joinsOf.get(hex(issuer)) ?? []) {
      if (join.power < 0 || !this.#verdicts.lives(join)) continue;
      const past = pastOf(join.vertex, new Map());
      const tips = this.#ancestry.vertices.filter((v) => v === join.vertex || has(past, v.index)).map((v) => v.tip);
      if (!best || tips.length < best.length) best = tips;
    }
    return best && sortTips(best);
  }

  /** The name (hex of the hash) of the fleet key to write a stream under, of those that `holds` accepts. */
  currentKey(stream: string, holds: (name: string) => boolean): string | undefined {
    return this.#effects.current(stream, holds)?.name;
  }

  /** The names of the keys in effect for a stream (null: the fleet's), the latest last. */
  keys(stream: string | null): string[] {
    return this.#effects.keys(stream).map((key) => key.name);
  }

  /** The names of the latest `most` keys in effect that a member who gets the newest one cannot open from it. */
  strayKeys(stream: string | null, most: number): string[] {
    return this.#effects.stray(stream, most);
  }

  /** True when an admin should start a new key: there is none, or a revocation came after it. */
  rotationDue(stream: string | null = null): boolean {
    return this.#effects.rotationDue(stream);
  }

  /** The live members for whom no admin has wrapped this key. */
  lacking(name: string): Member[] {
    return this.members().filter((m) => m.state === 'live' && !this.#effects.isWrapped(name, hex(m.node)));
  }

  /** What somebody should look at. Sorted. */
  alarms(): Alarm[] {
    return alarmsOf(this.#verdicts, this.#effects);
  }

  /** All that this fold says about what is admitted, as one plain item: equal on nodes that hold the same admitted events. For tests and comparisons. */
  summary(): unknown {
    const zero = new Uint8Array(8);
    const nodes = this.members().map((m) => {
      const standing = this.standing(m.node, zero);
      const grants = (this.#verdicts.joinsOf.get(hex(m.node)) ?? []).filter((j) => this.#verdicts.lives(j) && this.#verdicts.sound(j)).map((j) => j.vertex.tip.e).sort(compare);
      return standing.state === 'killed' ? { node: m.node, admitted: admittedTips(this.#ancestry.by(hex(m.node)), (v) => this.#stands(v)).map((t) => t.e) } : { node: m.node, grants };
    });
    return {
      nodes: nodes.filter((n) => !n.admitted || n.admitted.length > 0), heads: this.heads().map((t) => t.e), keys: this.#effects.keys(null).map((k) => k.vertex.tip.e),
      releases: this.#effects.releases().map((r) => r.vertex.tip.e).sort(compare),
    };
  }
}

function compareCuts(a: Tip[], b: Tip[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const d = compareTips(a[i]!, b[i]!);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}
