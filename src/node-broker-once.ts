// When one exchange at a broker is over: everybody who is there and answers holds what this node holds, or nobody is there.
import type { BrokerSessions } from './node-broker-session.ts';
import type { Member } from './sync/fanout-members.ts';
import type { Fanout } from './sync/fanout.ts';
import { Fault } from './fault.ts';
import { equal, hex } from './event/bytes.ts';

/** Heads that are retained come with the connection; those of others are waited for so long, and somebody at all so long by default. */
const HEADS_MS = 2_000, NOBODY_MS = 15_000;
/** How long a connection may take, and how long it may be gone. */
const CONNECT_MS = 30_000, DOWN_MS = 10_000;
/** How often it is looked; and how long heads may take to show what a session left. */
const LOOK_MS = 250, BUSY_MS = 15_000;
/** So long without a byte in any session, and without anybody who may be called, is the end. */
const STUCK_MS = 120_000;

/** What is known from outside the engine. Times are uptime in ms. */
export interface OnceState { began: number; upAt: number | undefined; downAt: number | undefined; reason: string | undefined; patience: number | undefined }

/** When to look again; or why it failed; or true: done. */
export function onceVerdict(engine: Fanout, sessions: BrokerSessions, state: OnceState, now: number): number | Fault | true {
  const { began, upAt, reason } = state, patience = state.patience ?? NOBODY_MS;
  if (upAt === undefined) {
    const until = began + Math.max(CONNECT_MS, patience);
    if (now < until && reason === undefined) return until;
    return new Fault('link-failed', `there is no connection to the broker${reason === undefined ? `; it does not answer within ${Math.round((until - began) / 1_000)} s` : `: ${reason}`}`);
  }
  if (state.downAt !== undefined) {
    if (now < state.downAt + DOWN_MS) return state.downAt + DOWN_MS;
    return new Fault('link-failed', `the connection to the broker is gone${reason === undefined ? '' : `: ${reason}`}; what had arrived is kept`);
  }
  if (now < upAt + HEADS_MS) return upAt + HEADS_MS;
  const members = [...engine.members.all()].filter((m) => !isOwnDead(engine, m) && !engine.siblings.isSpared(m));
  if (!members.length) {
    if (now < upAt + patience) return upAt + patience;
    return new Fault('timeout', `no other node of this fleet was at the broker within ${Math.round(patience / 1_000)} s; is one running with this broker and prefix?`);
  }
  // All processes on one store hold what one of them shows.
  const equals = (m: Member): boolean => [m, ...engine.members.mates(m)].some((each) => engine.standOf(each, now) === 'equal');
  // Where somebody writes all the time no two heads agree: then it is enough that a session with each has ended level after the last that brought something.
  const latest = Math.max(upAt, sessions.broughtAt, ...members.map((m) => m.levelAt ?? 0));
  const level = (m: Member): boolean => equals(m) || (now >= latest + BUSY_MS && m.levelAt !== undefined && m.levelAt >= Math.max(began, sessions.broughtAt));
  const open = members.filter((m) => !level(m) && m.deaf === undefined);
  if (sessions.size || (open.length && now < latest + STUCK_MS)) return now + LOOK_MS;
  const there = members.filter(level);
  if (there.length && there.length + members.filter((m) => m.deaf !== undefined).length >= members.length) return true;
  if (open.length) return new Fault('timeout', `the exchange with ${open.map((m) => hex(m.head.node).slice(0, 12)).join(', ')} does not come to an end; what had arrived is kept`);
  const refused = members.find((m) => m.deaf === 'revoked' || m.deaf === 'not-a-member');
  if (refused) return new Fault(refused.deaf === 'revoked' ? 'revoked' : 'not-a-member', `node ${hex(refused.head.node).slice(0, 12)} at the broker refuses this node: ${refused.deaf === 'revoked' ? 'it was revoked' : 'it is no member'}`);
  return new Fault('timeout', `${members.length === 1 ? 'the one other process that has shown itself' : `none of the ${members.length} other processes that have shown themselves`} at the broker answers; is a node of this fleet running?`);
}

/** A head that an earlier process of this node left behind, and that will be cleared: nobody to wait for. */
function isOwnDead(engine: Fanout, member: Member): boolean {
  return !member.lively && equal(member.head.node, engine.options.host.node);
}
