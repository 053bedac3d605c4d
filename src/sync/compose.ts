// How the messages of a session are written (PROTOCOL.md).

import type { Bytes } from '../ports.ts';
import { Writer } from '../event/writer.ts';
import { SESSION_VERSION } from './bounds.ts';
import type { Item } from './host.ts';
import { putShort } from './itemid.ts';
import type { Message, Sum, Want } from './message.ts';
import { KINDS } from './message.ts';
import { writeThin } from './thinform.ts';

/** The canonical bytes of a message. */
export function encodeMessage(m: Message): Bytes {
  const w = new Writer(256);
  writeMessage(w, m);
  return w.copy();
}

function writeMessage(w: Writer, m: Message): void {
  const open = (items: number): void => {
    w.head(0x80, items + 1);
    w.head(0, KINDS.indexOf(m.kind));
  };
  switch (m.kind) {
    case 'hello':
      open(7);
      w.head(0, SESSION_VERSION);
      if (m.interest === null) w.byte(0xf6);
      else list(w, m.interest, (s) => w.text(s));
      w.head(0, m.window);
      w.head(0, (m.thin ? 1 : 0) + (m.once ? 2 : 0) + (m.preference === undefined ? 0 : 4 * (m.preference + 1)));
      w.bytes(m.keys);
      w.bytes(m.packer);
      w.bytes(m.boot);
      return;
    case 'stranger':
    case 'ping':
    case 'pong':
      open(0);
      return;
    case 'intro':
      open(1);
      list(w, m.segments, (s) => w.bytes(s));
      return;
    case 'compare':
      open(5);
      w.head(0, m.set);
      bool(w, m.early);
      sum(w, m.sum);
      w.bytes(m.probe);
      return;
    case 'same':
    case 'state':
      open(3);
      w.head(0, m.set);
      sum(w, m.sum);
      return;
    case 'symbols':
    case 'list':
      open(5);
      w.head(0, m.set);
      sum(w, m.sum);
      w.head(0, m.from);
      w.bytes(m.bytes);
      return;
    case 'more':
      open(3);
      w.head(0, m.set);
      bool(w, m.list);
      w.head(0, m.from);
      return;
    case 'diff':
      open(7);
      w.head(0, m.set);
      sum(w, m.sum);
      bool(w, m.pushing);
      bool(w, m.more);
      w.bytes(m.mine);
      w.bytes(m.yours);
      return;
    case 'items':
      open(5);
      w.head(0, m.set);
      w.head(0, m.page);
      items(w, m.items);
      return;
    case 'ask':
      open(3);
      w.head(0, m.set);
      bool(w, m.pushing);
      w.bytes(m.shorts);
      return;
    case 'want':
      open(4);
      w.head(0, m.set);
      w.head(0, m.number);
      w.head(0, m.page);
      list(w, m.wants, (want) => writeWant(w, want));
      return;
    case 'over':
      open(1);
      w.head(0, m.set);
      return;
    case 'done':
      open(1);
      w.head(0, m.number);
      return;
    case 'segments':
      open(3);
      w.head(0, m.number);
      list(w, m.segments, (s) => (s instanceof Uint8Array ? w.bytes(s) : writeThin(w, s)));
      w.bytesOrNull(m.packed);
      return;
    case 'credit':
      open(1);
      list(w, m.numbers, (n) => w.head(0, n));
      return;
    case 'whole':
      open(2);
      w.head(0, m.number);
      list(w, m.indexes, (n) => w.head(0, n));
      return;
    case 'bye':
      open(1);
      if (m.code === null) w.byte(0xf6);
      else w.text(m.code);
      return;
    case 'receipt':
      open(1);
      w.bytes(m.receipt);
  }
}

function bool(w: Writer, b: boolean): void {
  w.byte(b ? 0xf5 : 0xf4);
}

function list<T>(w: Writer, all: readonly T[], one: (t: T) => void): void {
  w.head(0x80, all.length);
  for (const t of all) one(t);
}

function sum(w: Writer, s: Sum): void {
  w.head(0, s.count);
  w.bytes(s.root);
}

/** Nodes and streams once each, then the items that name them by number. */
function items(w: Writer, all: readonly Item[]): void {
  const nodes = new Map<string, number>(), nodeList: Bytes[] = [], streams = new Map<string, number>();
  const places = all.map((item) => {
    const key = item.node.join();
    let node = nodes.get(key), stream = streams.get(item.stream);
    if (node === undefined) {
      nodes.set(key, (node = nodes.size));
      nodeList.push(item.node);
    }
    if (stream === undefined) streams.set(item.stream, (stream = streams.size));
    return { item, node, stream };
  });
  list(w, nodeList, (n) => w.bytes(n));
  list(w, [...streams.keys()], (s) => w.text(s));
  list(w, places, ({ item, node, stream }) => {
    w.head(0x80, item.kind === 0 ? 6 : 8);
    w.head(0, item.kind);
    w.bytes(item.log);
    w.head(0, node);
    w.head(0, stream);
    w.head(0, item.to);
    w.bytes(item.after);
    if (item.kind === 1) {
      w.head(0, item.from);
      w.bytesOrNull(item.before);
    }
  });
}

function writeWant(w: Writer, want: Want): void {
  if ('log' in want) {
    w.byte(0x83);
    w.bytes(want.log);
    w.head(0, want.from);
    w.head(0, want.to);
    return;
  }
  w.byte(0x82);
  const short = new Uint8Array(6);
  putShort(short, 0, want.short);
  w.bytes(short);
  list(w, want.have, (tip) => {
    w.byte(0x83);
    w.bytes(tip.log);
    w.head(0, tip.position);
    w.bytes(tip.e.subarray(0, 8));
  });
}
