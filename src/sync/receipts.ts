// Receipts: a node's signed word on what it holds durably, made at the end of an exchange and checked wherever it turns up.

import { Fault } from '../fault.ts';
import { STREAM_BYTES } from '../limits.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { concat, equal, hex } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';
import { COMPARE_SPAN_MS, RECEIPTS, RECEIPT_BUSY_MS, RECEIPT_MS, RECEIPT_STREAMS } from './bounds.ts';
import type { Desk } from './desk.ts';
import type { StreamDigest } from './host.ts';

/** What a receipt says: `items` and `digest` (FORMAT §7) of all streams of the session's interest, and those of single streams, digests cut to 16 bytes. */
export interface Receipt { node: Bytes; boot: Bytes; sequence: number; items: number; digest: Bytes; streams: StreamDigest[] }

const RECEIPT = domain('receipt'), DIGESTS = domain('digests');
const RECEIPT_BYTES = 16_384;

/** The digest of a set of streams from those of its streams, in order of name; streams without items do not count. */
export function digestOf(crypto: Crypto, streams: StreamDigest[]): Bytes {
  const w = new Writer(1024);
  w.raw(DIGESTS);
  for (const s of byName(streams)) {
    if (s.items === 0) continue;
    w.raw(new TextEncoder().encode(s.stream));
    w.byte(0);
    w.raw(s.digest);
  }
  return crypto.sha256(w.copy());
}

function byName(streams: StreamDigest[]): StreamDigest[] {
  // Names of streams are ASCII: their order by code units is that by bytes.
  return [...streams].sort((a, b) => (a.stream < b.stream ? -1 : a.stream > b.stream ? 1 : 0));
}

/** Makes a signed receipt. */
export function makeReceipt(fleet: Bytes, sign: (message: Bytes) => Bytes, r: Receipt): Bytes {
  const w = new Writer(512);
  w.head(0x80, 7);
  w.head(0, 1);
  w.bytes(r.node);
  w.bytes(r.boot);
  w.head(0, r.sequence);
  w.head(0, r.items);
  w.bytes(r.digest);
  w.head(0x80, r.streams.length);
  for (const s of r.streams) {
    w.head(0x80, 3);
    w.text(s.stream);
    w.head(0, s.items);
    w.bytes(s.digest.subarray(0, 16));
  }
  const body = w.copy();
  const out = new Writer(512);
  out.byte(0x82);
  out.bytes(body);
  out.bytes(sign(concat(RECEIPT, fleet, body)));
  return out.copy();
}

/** Reads and checks a receipt of anyone in the fleet. Faults: `bad-encoding`, `bad-signature`, `too-large`. */
export function readReceipt(crypto: Crypto, fleet: Bytes, bytes: Bytes): Receipt {
  if (bytes.length > RECEIPT_BYTES) throw new Fault('too-large', `A receipt has at most ${RECEIPT_BYTES} bytes.`);
  const outer = new Reader(bytes);
  outer.arrayOf(2);
  const body = outer.view(), signature = outer.view(64);
  outer.finish();
  const r = new Reader(body);
  const items = r.array();
  if (items < 7 || r.uint() < 1) r.fail('a receipt that is too short');
  const receipt: Receipt = { node: r.copy(32), boot: r.copy(8), sequence: r.uint(), items: r.uint(), digest: r.copy(32), streams: [] };
  const n = r.array();
  if (n > RECEIPT_STREAMS) r.fail('a receipt of too many streams');
  for (let i = 0; i < n; i++) {
    r.arrayOf(3);
    receipt.streams.push({ stream: r.text(STREAM_BYTES), items: r.uint(), digest: r.copy(16) });
  }
  for (let i = 7; i < items; i++) r.skip();
  r.finish();
  if (!crypto.verify(receipt.node, concat(RECEIPT, fleet, body), signature)) throw new Fault('bad-signature', 'A receipt is not signed by the node that it names.');
  return receipt;
}

/** The receipts of one session: when one is due, and what has changed since the last. */
export class Receipts {
  readonly #desk: Desk;
  readonly #streams: () => string[] | null;
  readonly #told = new Map<string, string>();
  #asking = false;
  #at = -Infinity;
  readonly #began: number;
  #takes: number[] = [];
  #state: string | undefined;
  /** When one will be due, or Infinity. */
  deadline = Infinity;
  /** Receipts of the peer so far. */
  heard = 0;

  /** `streams`: the streams of the session (null: all). */
  constructor(desk: Desk, streams: () => string[] | null) {
    this.#desk = desk;
    this.#streams = streams;
    this.#began = desk.now;
  }

  /** True when the last receipt told this state. */
  toldOf(state: string): boolean {
    return !this.#asking && this.#state === state;
  }

  /** When a receipt is due although there has been no quiet for one. */
  get overdueAt(): number {
    return this.#asking ? Infinity : (this.#at > -Infinity ? this.#at : this.#began) + (this.#desk.thin ? 10 : 1) * RECEIPT_BUSY_MS;
  }

  /** Tells a receipt unless the last one was of the same state, or only just told; call while nothing is under way. */
  tell(state: string): void {
    this.deadline = Infinity;
    if (this.#asking || this.#state === state) return;
    const at = this.#at + (this.#desk.thin ? 10 : 1) * RECEIPT_MS;
    if (at > this.#desk.now) {
      this.deadline = at;
      return;
    }
    const desk = this.#desk, { host } = desk;
    this.#asking = true;
    this.#at = desk.now;
    this.#state = state;
    const streams = this.#streams();
    desk.ask({ kind: 'digests', streams: streams === null ? null : ['$fleet', ...streams] }, (all) => {
      desk.ask({ kind: 'sequence' }, (sequence) => {
        this.#asking = false;
        const changed = byName(all).filter((s) => this.#told.get(s.stream) !== hex(s.digest)).slice(0, RECEIPT_STREAMS);
        for (const s of changed) this.#told.set(s.stream, hex(s.digest));
        const items = all.reduce((n, s) => n + s.items, 0);
        const receipt = makeReceipt(host.fleet, (m) => host.sign(m), { node: host.node, boot: host.boot, sequence, items, digest: digestOf(host.crypto, all), streams: changed });
        desk.say({ kind: 'receipt', receipt });
      });
    });
  }

  /** The peer's receipt: checked, then handed to the node. Fault `bad-message` when it is of another node or forged. */
  take(bytes: Bytes): void {
    const { host, peer, outputs, now } = this.#desk;
    this.#takes = this.#takes.filter((at) => at > now - COMPARE_SPAN_MS);
    if (this.#takes.push(now) > RECEIPTS) throw new Fault('bad-message', 'The peer sends receipts without end.');
    let receipt: Receipt;
    try {
      receipt = readReceipt(host.crypto, host.fleet, bytes);
    } catch (error) {
      throw new Fault('bad-message', 'The peer sent a receipt that is none.', { cause: error });
    }
    if (!equal(receipt.node, peer)) throw new Fault('bad-message', 'The peer sent a receipt of another node.');
    this.heard++;
    outputs.push({ kind: 'receipt', receipt: bytes });
  }
}
