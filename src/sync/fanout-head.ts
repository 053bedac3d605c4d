// Heads: what one process of a node shows of itself at a broker, signed, so that others see what they lack.

import { Fault } from '../fault.ts';
import { STREAM_BYTES } from '../limits.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { concat, hex } from '../event/bytes.ts';
import type { Tip } from '../event/chain.ts';
import { domain } from '../event/chain.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';
import { INTEREST } from './bounds.ts';
import { HEAD_BYTES, HEAD_STREAMS, HEAD_TIPS } from './fanout-bounds.ts';

/** What is held of one stream, or of all that did not fit (stream ""): items of its frontier, and 8 bytes of the sum of their hashes. */
export interface Held { stream: string; items: number; sum: Bytes }
/** A tip of one of the process's own logs, and its stream ("" when that did not fit into `held`). */
export interface OwnTip extends Tip { stream: string }
/** A head (FANOUT §4). */
export interface Head { node: Bytes; instance: Bytes; sequence: number; interest: string[] | null; held: Held[]; tips: OwnTip[]; /** Other processes of its node hold the same, on one store. */ shared?: true }
/** The fingerprint of one stream as the log keeps it. */
export interface Print { items: number; sum: Uint32Array }

const HEAD = domain('head'), TRUE = 0xf5;

/** What a fingerprint says in a head. */
export function heldOf(stream: string, print: Print | undefined): Held {
  const sum = new Uint8Array(8);
  if (print) {
    const view = new DataView(sum.buffer);
    view.setUint32(0, print.sum[0]!);
    view.setUint32(4, print.sum[1]!);
  }
  return { stream, items: print?.items ?? 0, sum };
}

/** The streams that a head shows, in order of name; those beyond the bound as one. */
export function showHeld(crypto: Crypto, prints: ReadonlyMap<string, Print>, interest: string[] | null): Held[] {
  const all: Held[] = [];
  for (const [stream, print] of prints) if (covers(interest, stream)) all.push(heldOf(stream, print));
  all.sort((a, b) => (a.stream < b.stream ? -1 : 1)); // names are ASCII: this is bytewise
  if (all.length <= HEAD_STREAMS) return all;
  const rest = all.splice(HEAD_STREAMS - 1);
  const w = new Writer(4_096);
  for (const one of rest) writeHeld(w, one);
  all.push({ stream: '', items: rest.reduce((n, one) => n + one.items, 0), sum: crypto.sha256(w.copy()).slice(0, 8) });
  return all;
}

/** True for a stream of an interest; `$fleet` is of every one. */
export function covers(interest: string[] | null, stream: string): boolean {
  return interest === null || stream === '$fleet' || interest.includes(stream);
}

function writeHeld(w: Writer, { stream, items, sum }: Held): void {
  w.head(0x80, 3);
  w.text(stream);
  w.head(0, items);
  w.bytes(sum);
}

/** Makes a signed head. `tips` beyond the bound are left out (give the latest first). */
export function makeHead(fleet: Bytes, sign: (message: Bytes) => Bytes, head: Head): Bytes {
  const w = new Writer(1_024);
  w.head(0x80, head.shared ? 8 : 7);
  w.head(0, 1);
  w.bytes(head.node);
  w.bytes(head.instance);
  w.head(0, head.sequence);
  if (head.interest === null) w.byte(0xf6);
  else {
    w.head(0x80, head.interest.length);
    for (const stream of head.interest) w.text(stream);
  }
  w.head(0x80, head.held.length);
  for (const one of head.held) writeHeld(w, one);
  const tips = head.tips.slice(0, HEAD_TIPS);
  w.head(0x80, tips.length);
  for (const tip of tips) {
    const at = head.held.findIndex((one) => one.stream === tip.stream);
    w.head(0x80, 4);
    w.head(0, at < 0 ? head.held.length - 1 : at);
    w.bytes(tip.log);
    w.head(0, tip.position);
    w.bytes(tip.e);
  }
  if (head.shared) w.byte(TRUE);
  const body = w.copy(), out = new Writer(1_024);
  out.byte(0x82);
  out.bytes(body);
  out.bytes(sign(concat(HEAD, fleet, body)));
  return out.copy();
}

/** A head whose signature was not looked at yet. Faults: `bad-encoding`, `too-large`. */
export function readHead(bytes: Bytes): { head: Head; body: Bytes; signature: Bytes } {
  if (bytes.length > HEAD_BYTES) throw new Fault('too-large', `a head has at most ${HEAD_BYTES} bytes`);
  const outer = new Reader(bytes);
  outer.arrayOf(2);
  const body = outer.copy(), signature = outer.copy(64);
  outer.finish();
  const r = new Reader(body);
  const parts = r.array();
  if (parts < 7 || r.uint() < 1) r.fail('a head that is too short');
  const head: Head = { node: r.copy(32), instance: r.copy(8), sequence: r.uint(), interest: null, held: [], tips: [] };
  if (!r.null()) head.interest = list(r, INTEREST, () => r.text(STREAM_BYTES));
  head.held = list(r, HEAD_STREAMS, () => {
    r.arrayOf(3);
    return { stream: r.text(STREAM_BYTES), items: r.uint(), sum: r.copy(8) };
  });
  head.tips = list(r, HEAD_TIPS, () => {
    r.arrayOf(4);
    const { stream } = head.held[r.uint(head.held.length - 1)]!;
    return { stream, log: r.copy(16), position: r.uint(), e: r.copy(32) };
  });
  for (let i = 7; i < parts; i++) {
    if (i === 7 && body[r.at] === TRUE) head.shared = true;
    r.skip();
  }
  r.finish();
  return { head, body, signature };
}

function list<T>(r: Reader, most: number, one: () => T): T[] {
  const n = r.array();
  if (n > most) r.fail(`a list of more than ${most}`);
  return Array.from({ length: n }, one);
}

/** True when the node of the head signed it. */
export function isSigned(crypto: Crypto, fleet: Bytes, { head, body, signature }: ReturnType<typeof readHead>): boolean {
  return crypto.verify(head.node, concat(HEAD, fleet, body), signature);
}

/** One stream's state as a name, to compare and remember. */
export function stateOf({ items, sum }: Pick<Held, 'items' | 'sum'>): string {
  return `${items} ${hex(sum)}`;
}
