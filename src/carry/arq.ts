// Frames over datagrams that may be lost, repeated, reordered or delayed: selective repeat, without sockets, timers or a clock (see ARQ.md).

import type { Bytes } from '../ports.ts';
import { Fault } from '../fault.ts';
import { EMPTY } from '../event/bytes.ts';
import { encodeTalk, decodeTalk, headBytes, NARROW_SPAN, tagOf, WIDE_SPAN, wholeNumber, type Piece, type Talk } from './arq-datagram.ts';
import { greeting } from './arq-greeting.ts';
import { arqSettings, checkDatagram, type ArqOptions } from './arq-options.ts';
import { arqPace } from './arq-pace.ts';
import { arqQuestion } from './arq-question.ts';
import { arqReceiver } from './arq-receiver.ts';
import { arqSender } from './arq-sender.ts';
import { arqWatch } from './arq-watch.ts';
import { encodeFrame, frameDecoder } from './frame.ts';

/** Data datagrams after which an acknowledgement waits no longer. */
const ACK_EVERY = 2;
/** What an end that closes waits for its last words to be acknowledged, after each that was. */
const LINGER_LEAST_MS = 2_000, LINGER_TIMEOUTS = 4;
/** A sender that does not wait may put so many times `ahead` here, or so many bytes if that is more, before the link is cut. */
const OVERFLOW_TIMES = 8, OVERFLOW_BYTES = 1_048_576;

/** What an end has to say. */
export type ArqOutput =
  | { kind: 'datagram'; bytes: Bytes }
  | { kind: 'frame'; bytes: Bytes }
  | { kind: 'drain' }
  | { kind: 'closed'; reason: string };

/**
 * One end of one connection. After every call that changes something (`send`, `datagram`, `tick`, `resume`, `close`), take from `next` until it gives
 * undefined; call `tick` when `deadline` has come. Nothing throws but `send`.
 */
export interface Arq {
  /**
   * Queues a frame of 1 to 262,144 bytes; it is copied. True: give more. False: it is taken, but wait for `drain`; or the connection has ended and it is not.
   * Faults: `too-large`, `bad-argument` (empty).
   */
  send(frame: Bytes): boolean;
  /** A datagram arrived: any bytes at all. True when it was of the peer, or may be. */
  datagram(bytes: Bytes, now: number): boolean;
  tick(now: number): void;
  /** The next thing to do. Without `room` no datagrams are given: for a carrier that cannot take one now. */
  next(now: number, room?: boolean): ArqOutput | undefined;
  /** When to call `tick` at the latest; undefined: not before something happens. */
  readonly deadline: number | undefined;
  /** The peer owes an answer. */
  readonly waits: boolean;
  /** Whether this datagram is one of ours that came back. */
  echo(bytes: Bytes): boolean;
  /** Fragments that were sent, repeats included, and how many of them were taken for lost. */
  readonly tally: { readonly sent: number; readonly lost: number };
  /** True from when both sides know of each other until the end. */
  readonly open: boolean;
  /** Undefined while `either` has not been decided. */
  readonly side: 'open' | 'accept' | undefined;
  /** The carrier is away: no datagrams are given and none are repeated, but patience runs on. */
  pause(): void;
  resume(now: number): void;
  /** Another size for the datagrams from now on, repeated ones included. */
  resize(mtu: number): void;
  /** Delivers what was sent before, then ends both sides; `closed` comes with this reason. */
  close(reason: string, now: number): void;
}

/** One end of a connection; see `Arq`. Fault `bad-argument` for sizes out of range. */
export function arq(options: ArqOptions): Arq {
  const settings = arqSettings(options), { role, window, ackDelay } = settings;
  let { mtu } = settings;
  const meeting = greeting(role, settings.random, window, settings.narrow, settings.roundTrip, settings.now);
  const watch = arqWatch(settings.now, settings.patience, settings.keepAlive);
  const pace = arqPace(settings, () => mtu);
  const span = () => (meeting.agreed?.narrow ? NARROW_SPAN : WIDE_SPAN);
  const sender = arqSender(span, settings.reorder), receiver = arqReceiver(span, window);
  const frames: Bytes[] = [];
  const question = arqQuestion(), decoder = frameDecoder((frame) => frames.push(frame));

  /** When an acknowledgement is due, how many datagrams it would be for, and the question that it would answer. */
  let ackAt: number | undefined, owing = 0, answer: number | undefined;
  /** When what is unanswered is repeated. */
  let repeatAt: number | undefined;
  let paused = false, roomy = true, asleep = false, echoed = false;
  let closing: { reason: string; until: number } | undefined, theirEnd = false, ended: string | undefined, told = false;

  const ahead = () => Math.min(settings.ahead, Math.max(pace.budget, 2 * mtu));
  const linger = () => Math.max(LINGER_LEAST_MS, LINGER_TIMEOUTS * pace.calm);
  const calling = () => !meeting.agreed && (role !== 'accept' || meeting.called);
  const waiting = () => sender.owed || sender.unsent > 0 || question.due || question.open || calling();
  const ackBy = (at: number) => { ackAt = Math.min(ackAt ?? Infinity, at); };
  const end = (reason: string) => { ended ??= closing?.reason ?? reason; };
  const at = (now: number, heard = false) => watch.at(now, waiting(), heard);

  function met(now: number): void {
    const { agreed } = meeting;
    if (agreed?.trip === undefined) return;
    // A longer one than was guessed may be that of a repeat.
    if (agreed.trip < settings.roundTrip) pace.measured(agreed.trip, now);
    agreed.trip = undefined;
  }

  function read(bytes: Bytes, now: number): true {
    const short = meeting.agreed!.narrow, talk = decodeTalk(bytes, short);
    if (!talk) return true;
    // On a line of our own silence was noise, not a crowd.
    if (settings.paced) pace.heard();
    const progress = talk.ack && sender.acked(wholeNumber(talk.ack.next, sender.base, short), talk.ack.map);
    if (progress && progress.bytes > 0) {
      pace.advanced(progress.bytes, sender.unsent > 0 || sender.repeats);
      pace.heard();
      repeatAt = undefined;
      if (closing) closing.until = now + linger();
    }
    const answered = question.answered(talk.answer, now);
    if (answered) {
      pace.measured(answered.ms, now);
      pace.heard();
      repeatAt = undefined;
      if (progress) sender.proven(answered.place);
    } else if (progress?.sentAt !== undefined) pace.measured(now - progress.sentAt, now);
    if (sender.owed) repeatAt ??= now + pace.timeout;
    if (talk.ask !== undefined) {
      answer = talk.ask;
      ackBy(now);
    }
    if (talk.piece) take({ ...talk.piece, number: wholeNumber(talk.piece.number, receiver.next, short) }, now);
    at(now, true);
    return true;
  }

  function take(piece: Piece, now: number): void {
    const before = receiver.gap, taken = receiver.take(piece);
    watch.gap(receiver.gap, taken === 'next');
    // At once when a gap shows or is filled, and when our last word seems to be lost.
    ackBy(++owing >= ACK_EVERY || taken === 'gap' || taken === 'old' || (taken === 'next' && before) ? now : now + ackDelay);
  }

  /** Fills `frames` from what can be read in order. */
  function decode(): void {
    while (frames.length === 0 && !theirEnd && ended === undefined) {
      const part = receiver.read();
      if (!part) return;
      try {
        decoder.push(part.bytes);
      } catch (error) {
        // What came out before it is still good.
        end(error instanceof Fault ? error.message : String(error));
      }
      if (part.fin) {
        theirEnd = true;
        ackBy(watch.now);
      }
      // Who has closed wants nothing more.
      if (closing) frames.length = 0;
    }
  }

  function produce(now: number): Bytes | undefined {
    const greet = meeting.next(now), { agreed } = meeting;
    if (greet || !agreed) return greet;
    let more = (!theirEnd || closing !== undefined) && sender.ready(pace.budget, Math.min(window, agreed.window || window));
    const due = ackAt !== undefined && ackAt <= now;
    if (!more && !question.due && !due) return undefined;
    const talk: Talk = more ? { piece: { number: 0, fin: false, bytes: EMPTY } } : {};
    const size = () => headBytes(talk, agreed.narrow);
    // What is said by the way must neither crowd out what is carried nor make a repeat fall into parts: then it goes by itself.
    const half = mtu >> 1, whole = more ? sender.peek(mtu - size()) : 0, least = sender.repeats && whole <= mtu - size() ? whole : Math.min(whole, half);
    if (question.due && size() + 1 + least <= mtu) talk.ask = 0;
    if (ackAt !== undefined) {
      talk.ack = { next: receiver.next, map: receiver.map() };
      if (answer !== undefined) talk.answer = answer;
      if (size() + least > mtu && more) {
        if (due) talk.piece = undefined;
        else talk.ack = talk.answer = undefined;
        more = !due;
      }
      const over = size() - mtu;
      if (over > 0 && talk.ack) talk.ack.map = talk.ack.map.subarray(0, -over);
    }
    if (more) talk.piece = sender.take(mtu - size(), mtu - size() - 2, now);
    if (talk.ask !== undefined) talk.ask = question.put(now, sender.place);
    if (talk.ack) {
      ackAt = answer = undefined;
      owing = 0;
    }
    if (talk.piece || talk.ask !== undefined) repeatAt ??= now + pace.timeout;
    at(now);
    return encodeTalk(agreed.out, talk, agreed.narrow);
  }

  /** Sends what is owed longest once more, with a question: its answer tells what else is missing. */
  function repeat(): void {
    repeatAt = undefined;
    if (sender.expire() || question.open) question.again();
  }

  return {
    send(frame) {
      const bytes = encodeFrame(frame);
      if (ended !== undefined || closing || theirEnd) return false;
      sender.add(bytes);
      if (sender.unsent > Math.max(OVERFLOW_BYTES, OVERFLOW_TIMES * ahead())) end('the queue of the link overflowed');
      asleep ||= sender.unsent >= ahead();
      return !asleep && ended === undefined;
    },
    datagram(bytes, now) {
      if (ended !== undefined) return false;
      now = at(now);
      if (meeting.agreed && tagOf(bytes) === meeting.agreed.in) return read(bytes, now);
      switch (meeting.hear(bytes, now)) {
        case 'agreed':
          met(now);
          return read(bytes, now);
        // The other side must come to know that we know: the question is repeated until it is answered.
        case 'welcome': case 'again':
          met(now);
          question.ask();
          ackBy(now);
          at(now, true);
          return true;
        case 'heard': return true;
        case 'gone': end('the peer does not know this connection: it has started again'); return true;
        case 'doubt': question.ask(); return true;
        case 'echo': echoed = true;
      }
      return false;
    },
    tick(now) {
      now = at(now);
      if (ended !== undefined) return;
      if (closing && now >= closing.until) return end(closing.reason);
      if (watch.out === 'answer') return end(meeting.agreed ? 'the peer no longer answers' : echoed ? 'only our own echo answers' : 'nobody answers');
      if (watch.out === 'gap') return end('the peer does not repeat what was lost');
      if (paused || !meeting.agreed) return;
      if (watch.quiet) question.ask();
      if (repeatAt === undefined || now < repeatAt) return;
      pace.vain();
      repeat();
    },
    next(now, room = true) {
      if (told) return undefined;
      now = at(now);
      roomy = room;
      decode();
      const frame = frames.shift();
      if (frame) return { kind: 'frame', bytes: frame };
      if (asleep && !closing && ended === undefined && sender.unsent <= ahead() / 2) {
        asleep = false;
        return { kind: 'drain' };
      }
      const bytes = room && !paused && ended === undefined ? produce(now) : undefined;
      if (bytes) return { kind: 'datagram', bytes };
      if (closing && sender.done) end(closing.reason);
      if (theirEnd && !closing && (paused || ackAt === undefined)) end('the peer closed the link');
      if (ended === undefined) return undefined;
      told = true;
      return { kind: 'closed', reason: ended };
    },
    get deadline() {
      if (ended !== undefined) return told ? undefined : watch.now;
      let first = Math.min(closing?.until ?? Infinity, watch.deadline(!paused && meeting.agreed !== undefined && !question.due && !question.open));
      if (!paused) first = Math.min(first, repeatAt ?? Infinity);
      // Without room these would be asked for in vain.
      if (!paused && roomy) first = Math.min(first, ackAt ?? Infinity, meeting.deadline ?? Infinity);
      return first === Infinity ? undefined : first;
    },
    get waits() { return waiting(); },
    echo: (bytes) => meeting.echo(bytes),
    get tally() { return sender.tally; },
    get open() { return meeting.agreed !== undefined && ended === undefined; },
    get side() { return meeting.agreed?.side ?? (role === 'either' ? undefined : role); },
    pause() { paused = true; },
    resume(now) {
      paused = false;
      pace.heard();
      meeting.call();
      repeat();
      at(now);
    },
    resize(bytes) { mtu = checkDatagram(settings, bytes); },
    close(reason, now) {
      if (closing || ended !== undefined) return;
      now = at(now);
      if (theirEnd || (!meeting.agreed && !calling())) return end(reason);
      closing = { reason, until: now + linger() };
      frames.length = 0;
      sender.finish();
    },
  };
}
