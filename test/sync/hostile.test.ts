// Lines and peers that mean no good: garbage, changed and replayed frames, huge claims, silence. Nothing crashes, nothing grows, sessions end in time.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Reader } from '../../src/event/reader.ts';
import { codeOf } from '../../src/fault.ts';
import type { Bytes } from '../../src/ports.ts';
import { Cipher } from '../../src/sync/cipher.ts';
import { encodeMessage } from '../../src/sync/compose.ts';
import { acceptHandshake, openHandshake } from '../../src/sync/handshake.ts';
import { readMessage, type Message } from '../../src/sync/message.ts';
import { createSession } from '../../src/sync/session.ts';
import { Forger } from './forger.ts';
import { Line } from './line.ts';
import { ToyHost, bytesOf } from './toy-host.ts';

const hostile = suite('hostile');

const ROOT = new Uint8Array(16).fill(9);
const CODES = new Set(['bad-message', 'bad-handshake', 'timeout', 'link-closed', 'not-a-member', 'busy', 'in order']);

hostile('any first frames are refused or waited out; an answer is given to none', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 6 }), fc.constantFrom('open', 'accept'), (frames, role) => {
    const session = createSession({ role, host: new ToyHost('x'), frameBytes: 262_144, thin: false, interest: null, once: false, now: 0 });
    let sent = 0, code: string | undefined;
    const drain = (): void => {
      for (let out = session.next(); out; out = session.next()) {
        if (out.kind === 'send') sent++;
        if (out.kind === 'closed') code = out.fault?.code;
      }
    };
    drain();
    const greeting = sent;
    for (const frame of frames) {
      session.frame(frame, 1);
      drain();
    }
    session.tick(session.deadline ?? 0);
    drain();
    assert.is(sent, greeting);
    assert.ok(code !== undefined && CODES.has(code), code);
  }), { numRuns: 300 });
});

hostile('a changed, dropped, repeated, cut or invented frame ends the session on the side that meets it, and nothing false gets in', () => {
  const kinds = ['flip', 'drop', 'twice', 'cut', 'invent', 'old'] as const;
  fc.assert(fc.property(fc.constantFrom(...kinds), fc.integer({ min: 0, max: 30 }), fc.nat(), (kind, which, bit) => {
    const a = new ToyHost('a'), b = new ToyHost('b');
    for (let i = 0; i < 12; i++) {
      a.write('telemetry', 5);
      b.write('config', 2);
    }
    const kept: Bytes[] = [];
    let done = false;
    const line = new Line(a, b, {
      a: { frameBytes: 400 }, b: { frameBytes: 400 },
      alter(frame, number) {
        kept.push(frame.slice());
        if (number !== which) return [frame];
        done = true;
        if (kind === 'flip') {
          frame[bit % frame.length]! ^= 1 << (bit % 8);
          return [frame];
        }
        if (kind === 'drop') return [];
        if (kind === 'twice') return [frame, frame];
        if (kind === 'cut') return [frame.subarray(0, frame.length >> 1)];
        if (kind === 'invent') return [frame, Uint8Array.from([0x80, ...bytesOf(`x ${bit}`, 50)])];
        return [frame, kept[bit % kept.length]!];
      },
    }).run(300_000, 200_000);
    const codes = [line.a.fault?.code, line.b.fault?.code].filter((c) => c !== undefined);
    if (done && line.a.frames + line.b.frames > which + 4) assert.ok(codes.length > 0 || line.a.equal, 'noticed');
    for (const code of codes) assert.ok(CODES.has(code), code);
    for (const [host, other] of [[a, b], [b, a]] as const) for (const s of host.segments()) assert.ok(other.segments().length === 0 || s.signature.length === 64);
    // A clean line afterwards finds nothing amiss.
    a.listeners.clear();
    b.listeners.clear();
    const after = new Line(a, b).run();
    assert.ok(after.a.equal && after.b.equal);
    assert.is(a.frontier(), b.frontier());
  }), { numRuns: 60 });
});

hostile('half-open: each phase of the handshake has its deadline', () => {
  for (const after of [0, 1, 2, 3, 4, 5]) {
    const line = new Line(new ToyHost('a'), new ToyHost('b'), { alter: (frame, number) => (number >= after ? [] : [frame]) }).run(200_000, 200_000);
    for (const end of [line.a, line.b]) {
      if (end === line.b && after === 0) assert.is(end.fault?.code, 'timeout');
      assert.ok(end.closed && end.fault && CODES.has(end.fault.code), `${after} ${end.fault?.code}`);
    }
  }
});

hostile('messages of any bytes are read or refused, and canonical ones come back as they were', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const r = new Reader(bytes);
    try {
      while (r.at < r.end) readMessage(r);
    } catch (error) {
      assert.is(codeOf(error), 'bad-encoding');
    }
  }), { numRuns: 3000 });
  const samples: Message[] = [
    { kind: 'hello', interest: ['a', 'b'], window: 5, thin: true, once: true, preference: 3, keys: new Uint8Array(16), packer: new Uint8Array(4), boot: new Uint8Array(8) },
    { kind: 'compare', set: 1, early: true, sum: { count: 7, root: ROOT }, probe: new Uint8Array(56) },
    { kind: 'diff', set: 0, sum: { count: 7, root: ROOT }, pushing: true, more: false, mine: new Uint8Array(6), yours: new Uint8Array(12) },
    { kind: 'items', set: 1, page: 3, items: [{ kind: 1, log: new Uint8Array(16), stream: 's', node: new Uint8Array(32), from: 2, to: 9, before: null, after: new Uint8Array(32) }] },
    { kind: 'want', set: 0, number: 4, page: 1, wants: [{ short: 2 ** 47 + 5, have: [{ log: new Uint8Array(16), position: 4, e: new Uint8Array(8) }] }, { log: new Uint8Array(16), from: 3, to: 4 }] },
    { kind: 'whole', number: 3, indexes: [1, 2] }, { kind: 'bye', code: null }, { kind: 'ask', set: 1, pushing: false, shorts: new Uint8Array(0) },
  ];
  for (const sample of samples) {
    const bytes = encodeMessage(sample);
    assert.equal(readMessage(new Reader(bytes)), sample);
    for (let n = 0; n < bytes.length; n++) assert.throws(() => readMessage(new Reader(bytes.subarray(0, n))), (e: unknown) => codeOf(e) === 'bad-encoding');
  }
  // Later versions may add messages from 64 on, and items at the end.
  assert.is(readMessage(new Reader(Uint8Array.from([0x82, 0x18, 0x40, 0x01]))), undefined);
  assert.equal(readMessage(new Reader(Uint8Array.from([0x83, 0x12, 0x01, 0x02]))), { kind: 'ping' });
  assert.throws(() => readMessage(new Reader(Uint8Array.from([0x81, 0x18, 0x3f]))));
});

hostile('a member who says what does not belong is cut off', () => {
  const sum = { count: 3, root: ROOT }, empty = new Uint8Array(0);
  const item = { kind: 0 as const, log: bytesOf('log', 16), stream: 'telemetry', node: bytesOf('node', 32), from: 5, to: 5, before: null, after: bytesOf('e', 32) };
  const wrong: { [what: string]: (f: Forger) => void } = {
    'a second hello': (f) => f.hello(),
    'a diff unasked': (f) => f.say({ kind: 'diff', set: 1, sum, pushing: false, more: false, mine: empty, yours: empty }),
    'items asked of nothing': (f) => f.say({ kind: 'ask', set: 1, pushing: false, shorts: empty }),
    'credit for nothing': (f) => f.say({ kind: 'credit', numbers: [77] }),
    'whole of nothing': (f) => f.say({ kind: 'whole', number: 77, indexes: [0] }),
    'a page that was not told': (f) => f.say({ kind: 'want', set: 1, number: 2, page: 9, wants: [] }),
    'a probe of a wrong length': (f) => f.say({ kind: 'compare', set: 0, early: false, sum, probe: new Uint8Array(5) }),
    'a set too large': (f) => f.say({ kind: 'compare', set: 0, early: false, sum: { count: 2 ** 40, root: ROOT }, probe: new Uint8Array(128) }),
    'comparisons without end': (f) => { for (let i = 0; i < 100; i++) f.say({ kind: 'compare', set: 1, early: false, sum: { count: 100, root: bytesOf(`r ${i}`, 16) }, probe: new Uint8Array(128) }); },
    'wants without end': (f) => { f.host.answer = () => { throw new Error('no answer'); }; f.drain = () => { for (let out = f.session.next(); out; out = f.session.next()) if (out.kind === 'closed') { f.closed = out.fault?.code; f.said.push({ kind: 'bye', code: null }); } }; for (let i = 0; i < 400; i++) f.say({ kind: 'want', set: 1, number: 2 + i, page: 0, wants: Array.from({ length: 200 }, (_, k) => ({ log: bytesOf(`${i} ${k}`, 16), from: 1, to: 5 })) }); },
    'an intro unasked': (f) => f.say({ kind: 'intro', segments: [] }),
    'segments that are none': (f) => { for (let i = 0; i < 20; i++) f.say({ kind: 'segments', number: i, segments: [bytesOf(`s ${i}`, 200)], packed: null, bytes: 0 }, 2); },
    'a number twice': (f) => { f.say({ kind: 'segments', number: 1, segments: [], packed: null, bytes: 0 }, 2); f.say(Uint8Array.from([...encodeMessage({ kind: 'credit', numbers: [] }), 0x00])); },
    'handles from nowhere': (f) => f.say({ kind: 'segments', number: 1, segments: [{ ref: { by: 'handle', handle: 3 }, first: 1, before: undefined, count: 1, quality: 0, uptime: 0, seal: new Uint8Array(64), opening: undefined, told: undefined, body: new Uint8Array(5) }], packed: null, bytes: 0 }, 2),
    'columns that do not unpack': (f) => f.say({ kind: 'segments', number: 1, segments: [], packed: bytesOf('p', 90), bytes: 0 }, 2),
    'a receipt that is none': (f) => f.say({ kind: 'receipt', receipt: bytesOf('r', 90) }),
    'receipts without end': (f) => { for (let i = 0; i < 100; i++) f.say({ kind: 'receipt', receipt: f.receipt }); },
    'garbage in a good seal': (f) => f.say(bytesOf('g', 90)),
  };
  for (const [what, act] of Object.entries(wrong)) {
    const forger = new Forger().hello();
    assert.is(forger.closed, undefined, what);
    act(forger);
    assert.is(forger.closed, 'bad-message', what);
    assert.ok(forger.said.some((m) => m.kind === 'bye'), what);
  }
  // What is merely useless is borne.
  const bored = new Forger().hello();
  for (let i = 0; i < 30; i++) {
    bored.say({ kind: 'ping' });
    bored.say({ kind: 'state', set: 1, sum: { count: i, root: ROOT } });
    bored.say({ kind: 'items', set: 1, page: 0, items: [item] });
    bored.say({ kind: 'done', number: i });
  }
  assert.is(bored.closed, undefined);
});

hostile('a peer that asks and does not read is cut off before its answers pile up', () => {
  const forger = new Forger();
  forger.hello();
  forger.drain = () => {
    // Answers questions, takes no frame: outputs other than frames come first.
    for (let out = forger.session.next(false); out; out = forger.session.next(false)) {
      if (out.kind === 'ask') forger.session.answer(out.id, forger.host.answer(out.question), forger.now);
    }
    if (forger.session.deadline !== undefined && forger.session.report.bytesIn > seen) seen = forger.session.report.bytesIn;
    else forger.closed = 'busy';
  };
  let seen = forger.session.report.bytesIn;
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 50_000 && !forger.closed; i++) {
    forger.now += 1;
    forger.say({ kind: 'want', set: 1, number: 2 + i, page: 0, wants: [] });
  }
  assert.is(forger.closed, 'busy');
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1_048_576);
});

hostile('a stranger gets no answer to anything but its introduction', () => {
  const forger = new Forger(false).hello();
  assert.equal(forger.said.map((m) => m.kind), ['stranger']);
  forger.say({ kind: 'compare', set: 0, early: true, sum: { count: 3, root: ROOT }, probe: new Uint8Array(24) });
  assert.equal(forger.said.map((m) => m.kind), ['stranger']);
  forger.say({ kind: 'compare', set: 0, early: false, sum: { count: 3, root: ROOT }, probe: new Uint8Array(24) });
  assert.is(forger.closed, 'bad-message');
  assert.is(forger.host.asked['items'], undefined);
});

hostile('the handshake: a changed byte anywhere, a role played back, a wrong version', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  const code = (f: () => unknown): string => { try { f(); return 'ok'; } catch (e) { return codeOf(e); } };
  const opening = openHandshake(a), accepting = acceptHandshake(b, opening.hail);
  for (let i = 0; i < opening.hail.length; i++) {
    const bad = opening.hail.slice();
    bad[i]! ^= 4;
    assert.is(code(() => acceptHandshake(b, bad)), 'bad-handshake');
  }
  for (let i = 0; i < accepting.reply.length; i += 3) {
    const bad = accepting.reply.slice();
    bad[i]! ^= 4;
    assert.is(code(() => opening.reply(bad)), 'bad-handshake');
  }
  const { proof, secured } = opening.reply(accepting.reply);
  for (let i = 0; i < proof.length; i += 3) {
    const bad = proof.slice();
    bad[i]! ^= 4;
    assert.is(code(() => accepting.proof(bad)), 'bad-handshake');
  }
  const other = accepting.proof(proof);
  assert.equal(other.peer, a.node);
  assert.equal(secured.peer, b.node);
  assert.equal(other.items, secured.items);
  // Played back to whoever said it, or to another session.
  assert.is(code(() => openHandshake(a).reply(accepting.reply)), 'bad-handshake');
  assert.is(code(() => acceptHandshake(b, opening.hail).proof(proof)), 'bad-handshake');
  assert.is(code(() => opening.reply(opening.hail)), 'bad-handshake');
  // Both ciphers go their own way, and never twice the same.
  const sealed = secured.out.seal(0, bytesOf('m', 20));
  assert.is(code(() => secured.in.open(0, sealed)), 'bad-message');
  assert.equal(other.in.open(0, sealed), bytesOf('m', 20));
  assert.is(code(() => other.in.open(0, sealed)), 'bad-message');
  assert.ok(new Cipher(a.crypto, bytesOf('k', 32)).seal(1, sealed).length === sealed.length + 16);
});

hostile.run();
