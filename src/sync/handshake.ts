// The handshake: three messages after which both sides know each other's id and share keys that nobody else has (SIGMA-I, Krawczyk 2003).

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { concat, equal } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { SESSION_VERSION } from './bounds.ts';
import { Cipher, ZERO_NONCE, expand, extract } from './cipher.ts';
import type { Host } from './host.ts';

/** What a finished handshake leaves: the peer's id, a cipher for each direction, and the 16 bytes that key the ids of items. */
export interface Secured { peer: Bytes; out: Cipher; in: Cipher; items: Bytes }

const VERSION = new Uint8Array([SESSION_VERSION]);
const HAIL = 41, REPLY = 144, PROOF = 112;

function bad(what: string): Fault {
  return new Fault('bad-handshake', what);
}

/** The mark by which a stranger to the fleet is turned away before any costly step. */
function mark(host: Host, ephemeral: Bytes): Bytes {
  return host.crypto.mac(host.fleet, concat(domain('session hail'), VERSION, ephemeral)).subarray(0, 8);
}

function transcript(host: Host, ...parts: Bytes[]): Bytes {
  return host.crypto.sha256(concat(domain('session'), ...parts));
}

/** id ‖ signature over role, transcript and the id's MAC: proves the id to whoever shares the secret, and to nobody else. */
function prove(host: Host, role: string, macKey: Bytes, t: Bytes): Bytes {
  return concat(host.node, host.sign(concat(domain(`session ${role}`), t, host.crypto.mac(macKey, host.node))));
}

function check(host: Host, role: string, macKey: Bytes, t: Bytes, proof: Bytes | undefined): Bytes {
  if (proof === undefined || proof.length !== 96) throw bad('The peer is not of this fleet, or the handshake was changed on its way.');
  const id = proof.slice(0, 32);
  if (!host.crypto.verify(id, concat(domain(`session ${role}`), t, host.crypto.mac(macKey, id)), proof.subarray(32))) throw bad('The peer could not prove its id.');
  return id;
}

function finish(host: Host, prk: Bytes, t3: Bytes, peer: Bytes, opener: boolean): Secured {
  const { crypto } = host;
  const fromOpener = new Cipher(crypto, expand(crypto, prk, 'from opener', t3));
  const fromAccepter = new Cipher(crypto, expand(crypto, prk, 'from accepter', t3));
  const items = expand(crypto, prk, 'items', t3).slice(0, 16);
  return opener ? { peer, out: fromOpener, in: fromAccepter, items } : { peer, out: fromAccepter, in: fromOpener, items };
}

/** The opener's part: a first message to send, and what to do with the answer. */
export interface Opening {
  readonly hail: Bytes;
  /** The second message in, the third out. Fault `bad-handshake`. */
  reply(message: Bytes): { proof: Bytes; secured: Secured };
}

/** Starts a handshake as the side that connected. */
export function openHandshake(host: Host): Opening {
  const { crypto } = host;
  const secret = host.random.bytes(32);
  const ephemeral = crypto.boxKey(secret);
  const hail = concat(VERSION, ephemeral, mark(host, ephemeral));
  return {
    hail,
    reply(message) {
      if (message.length !== REPLY) throw bad('The answer to the handshake has a wrong length.');
      const theirs = message.subarray(0, 32);
      if (equal(theirs, ephemeral)) throw bad('The peer sent our own key back.');
      const shared = crypto.agree(secret, theirs);
      if (shared === undefined) throw bad('The peer sent a key of no use.');
      const prk = extract(crypto, host.fleet, shared);
      const t1 = transcript(host, host.fleet, hail, theirs);
      const proof = crypto.open(expand(crypto, prk, 'key 2', t1), ZERO_NONCE, message.subarray(32));
      const peer = check(host, 'accepter', expand(crypto, prk, 'mac 2', t1), t1, proof);
      const t2 = transcript(host, t1, message);
      const own = crypto.seal(expand(crypto, prk, 'key 3', t2), ZERO_NONCE, prove(host, 'opener', expand(crypto, prk, 'mac 3', t2), t2));
      return { proof: own, secured: finish(host, prk, transcript(host, t2, own), peer, true) };
    },
  };
}

/** The accepter's part after a good first message: what to send, and what to do with the third. */
export interface Accepting {
  readonly reply: Bytes;
  /** The third message in. Fault `bad-handshake`. */
  proof(message: Bytes): Secured;
}

/** Answers a first message. Fault `bad-handshake`, for strangers to the fleet after one MAC. */
export function acceptHandshake(host: Host, hail: Bytes): Accepting {
  const { crypto } = host;
  if (hail[0] !== SESSION_VERSION) throw bad(`The peer speaks version ${hail[0] ?? 0} of the session protocol, this node ${SESSION_VERSION}.`);
  if (hail.length !== HAIL) throw bad('The first message has a wrong length.');
  const theirs = hail.slice(1, 33);
  if (!equal(mark(host, theirs), hail.subarray(33))) throw bad('The peer is of another fleet, or no Holdfast node.');
  const secret = host.random.bytes(32);
  const ephemeral = crypto.boxKey(secret);
  const shared = crypto.agree(secret, theirs);
  if (shared === undefined || equal(theirs, ephemeral)) throw bad('The peer sent a key of no use.');
  const prk = extract(crypto, host.fleet, shared);
  const t1 = transcript(host, host.fleet, hail, ephemeral);
  const reply = concat(ephemeral, crypto.seal(expand(crypto, prk, 'key 2', t1), ZERO_NONCE, prove(host, 'accepter', expand(crypto, prk, 'mac 2', t1), t1)));
  const t2 = transcript(host, t1, reply);
  return {
    reply,
    proof(message) {
      if (message.length !== PROOF) throw bad('The third message has a wrong length.');
      const plain = crypto.open(expand(crypto, prk, 'key 3', t2), ZERO_NONCE, message);
      const peer = check(host, 'opener', expand(crypto, prk, 'mac 3', t2), t2, plain);
      return finish(host, prk, transcript(host, t2, message), peer, false);
    },
  };
}
