// Why there is no connection to a broker, in words: the codes of sockets, of TLS and of MQTT said so that a person knows what to do.

import type { BrokerAddress } from './mqtt-address.ts';

/** A certificate, as far as Node tells of it. */
interface ShownCertificate { subject?: { CN?: string | string[] }; issuer?: { CN?: string | string[] }; subjectaltname?: string; valid_from?: string; valid_to?: string }

/** What may come with the error of a socket. */
export type SocketError = Error & { code?: string; errors?: NodeJS.ErrnoException[]; cert?: ShownCertificate };

/** Longest text of a broker that is repeated. */
const SAID_CHARS = 200;

const one = (name: string | string[] | undefined): string => (Array.isArray(name) ? name.join(' ') : name ?? '?');

/** Why dialling failed, or why an encrypted or plain connection broke with an error. */
export function socketReason(error: SocketError, address: BrokerAddress, certificate: ShownCertificate | undefined): string {
  const codes = [error.code, ...(error.errors ?? []).map((each) => each.code)].filter((code) => code !== undefined);
  const code = codes.find((each) => each === 'ECONNREFUSED') ?? codes[0] ?? '';
  const whose = certificate?.subject === undefined ? "the broker's certificate" : `the broker's certificate (of ${one(certificate.subject.CN)}, issued by ${one(certificate.issuer?.CN)})`;
  switch (code) {
    case 'ECONNREFUSED': return `${address.host} refuses connections on port ${address.port}: is a broker running there?`;
    case 'ENOTFOUND': return `there is no host named ${address.host}`;
    case 'EAI_AGAIN': return `the name ${address.host} cannot be looked up now: the network or its name server is away`;
    case 'ETIMEDOUT': return `${address.host} does not answer: is the address right, and does a firewall let port ${address.port} through?`;
    case 'EHOSTUNREACH': case 'ENETUNREACH': case 'ENETDOWN': case 'EADDRNOTAVAIL': return `${address.host} cannot be reached from here: the network or the host is down`;
    case 'ECONNRESET': case 'EPIPE': return 'the broker broke the connection';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${whose} is for ${error.cert?.subjectaltname ?? one(error.cert?.subject?.CN)}, not for ${address.serverName ?? address.host}: dial that name, or name it with servername=`;
    case 'CERT_HAS_EXPIRED': return `${whose} has expired${until(certificate)}, or the clock of this machine is wrong: it says ${new Date().toISOString().slice(0, 10)}`;
    case 'CERT_NOT_YET_VALID': return `${whose} is not valid yet, or the clock of this machine is wrong: it says ${new Date().toISOString().slice(0, 10)}`;
    case 'SELF_SIGNED_CERT_IN_CHAIN': case 'DEPTH_ZERO_SELF_SIGNED_CERT': case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE': case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY': case 'CERT_SIGNATURE_FAILURE': case 'INVALID_CA': case 'CERT_UNTRUSTED':
      return address.ca === undefined
        ? `${whose} is not trusted by this machine (${code}): name the CA that signed it with ca=PATH`
        : `${whose} is not signed by the CA in ${address.ca} (${code})`;
    case 'ERR_SSL_WRONG_VERSION_NUMBER': case 'ERR_SSL_PACKET_LENGTH_TOO_LONG': case 'ERR_SSL_UNSUPPORTED_PROTOCOL': case 'ERR_SSL_NO_PROTOCOLS_AVAILABLE':
      return `what listens on port ${address.port} speaks no TLS that this node can use: is it the port for encrypted connections?`;
  }
  if (/ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|CERTIFICATE_REVOKED|ACCESS_DENIED)|CERTIFICATE_REQUIRED/.test(code)) {
    return address.cert === undefined ? `the broker wants a client certificate (${code}): give cert=PATH and key=PATH` : `the broker does not accept the client certificate in ${address.cert} (${code})`;
  }
  return `the connection failed (${code === '' ? error.message : code})`;
}

function until(certificate: ShownCertificate | undefined): string {
  return certificate?.valid_to === undefined ? '' : ` on ${certificate.valid_to}`;
}

/** Whether a refusal says that the broker does not speak this version of MQTT. */
export function isVersionRefusal(code: number): boolean {
  return code === 1 || code === 0x84;
}

/** Why the broker refused the connection: the code of its CONNACK (of MQTT 5, or of 3.1.1), and what it said besides. */
export function refusal(code: number, address: BrokerAddress, version: 4 | 5, said?: unknown): string {
  const login = address.user === undefined
    ? 'the broker does not let us in without a user name and password: mqtt://USER@HOST?password-file=PATH'
    : `the broker does not let the user ${address.user} in: the user name or the password is wrong, or it may not connect`;
  return words() + quoted(said);

  function words(): string {
    switch (code) {
      case 1: case 0x84: return `the broker does not speak MQTT ${version === 5 ? '5' : '3.1.1'}`;
      case 2: case 0x85: return 'the broker does not accept our client id: its rules may bind user names to client ids';
      case 3: case 0x88: return 'the broker is not available now';
      case 4: case 5: case 0x86: case 0x87: return login;
      case 0x89: return 'the broker is busy';
      case 0x8a: return 'the broker has banned this client';
      case 0x8c: return 'the broker wants another way of logging in than a password or certificate';
      case 0x95: return 'our first packet is too large for the broker';
      case 0x97: return 'a quota of the broker is used up';
      case 0x9a: return 'the broker keeps no retained messages';
      case 0x9b: return 'the broker offers no QoS 1, which is needed';
      case 0x9c: case 0x9d: return 'the broker says that another server is to be used';
      case 0x9f: return 'the broker is asked for connections too often';
      default: return `the broker refused the connection (code 0x${code.toString(16)})`;
    }
  }
}

/** Why the broker ended an MQTT 5 connection: the code of its DISCONNECT, and what it said besides. */
export function farewell(code: number, said?: unknown): string {
  return words() + quoted(said);

  function words(): string {
    switch (code) {
      case 0x8b: return 'the broker shuts down';
      case 0x8d: return 'the broker heard nothing of us for too long';
      case 0x8e: return 'another client connected with our client id, so the broker closed this connection: is a copy of this node running?';
      case 0x87: return "the broker's rules do not allow what we sent";
      case 0x89: return 'the broker is busy';
      case 0x93: return 'the broker says that we sent more messages at once than it allows';
      case 0x95: return 'the broker says that we sent a packet larger than it allows';
      case 0x96: return 'the broker says that we send too often';
      case 0x97: return 'a quota of the broker is used up';
      case 0x98: return 'the administrator of the broker closed the connection';
      case 0x9a: return 'the broker keeps no retained messages';
      case 0x9c: case 0x9d: return 'the broker says that another server is to be used';
      case 0xa0: return 'the broker allows connections only for so long';
      case 0: return 'the broker closed the connection';
      default: return `the broker closed the connection (code 0x${code.toString(16)})`;
    }
  }
}

/** Why the broker did not take a message (code of its PUBACK), undefined when it did. */
export function unpublished(code: number): string | undefined {
  if (code < 0x80) return undefined;
  switch (code) {
    case 0x87: return "the broker's ACL does not let this user publish there";
    case 0x90: return 'the broker does not accept this topic';
    case 0x97: return 'a quota of the broker is used up';
    default: return `the broker did not take it (code 0x${code.toString(16)})`;
  }
}

/** Why the broker did not grant a subscription (code of its SUBACK), undefined when it did. */
export function ungranted(code: number): string | undefined {
  if (code < 0x80) return undefined;
  switch (code) {
    // All that 3.1.1 can say.
    case 0x80: case 0x87: return "the broker's ACL does not let this user subscribe to it: let it read there";
    case 0x8f: return 'the broker does not accept this topic filter';
    case 0x97: return 'a quota of the broker is used up';
    case 0xa2: return 'the broker offers no wildcards in subscriptions';
    default: return `the broker refused (code 0x${code.toString(16)})`;
  }
}

/** What a broker said in its own words, made harmless; nothing when it said nothing. */
function quoted(said: unknown): string {
  if (typeof said !== 'string') return '';
  const clean = said.replace(/[^\p{L}\p{N}\p{P}\p{Zs}\p{S}]/gu, ' ').trim().slice(0, SAID_CHARS);
  return clean === '' ? '' : `; it says ${JSON.stringify(clean)}`;
}
