// The addresses of TCP links: what a URL such as tcp://pump-house:7700 or tcp://[::1]:7700 means, and how it is written.

import { Fault } from '../fault.ts';

/** Where a TCP link goes to, or listens. */
export interface TcpAddress {
  readonly scheme: 'tcp';
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  /** 0 to 65,535; 0 lets the system choose, for listening only. */
  readonly port: number;
}

/** The port of Holdfast's TCP links when a URL names none. */
export const DEFAULT_PORT = 7700;

/** Longest host in a URL: what DNS allows. */
const HOST_CHARS = 253;

/**
 * Reads a link's URL.
 * Fault `bad-url`: says what is wrong with it.
 */
export function parseAddress(url: string): TcpAddress {
  const parts = /^([A-Za-z][A-Za-z0-9+.-]*):(.*)$/s.exec(url);
  const shown = JSON.stringify(url.length > 120 ? `${url.slice(0, 120)}…` : url);
  if (parts === null) throw new Fault('bad-url', `${shown} is not the URL of a link; write for example tcp://pump-house:${DEFAULT_PORT}`);
  const scheme = parts[1]!.toLowerCase();
  // "pump-house:7700" reads like a scheme of its own: what was forgotten is the kind.
  if (scheme !== 'tcp' && !parts[2]!.startsWith('//') && /^\d{1,5}$/.test(parts[2]!)) {
    throw new Fault('bad-url', `${shown} does not say what kind of link it is; write tcp://${url}`);
  }
  if (scheme !== 'tcp') throw new Fault('bad-url', `${shown}: there are no links of kind ${scheme}:; there are tcp, mqtt, mqtts, serial and file; write for example tcp://pump-house:${DEFAULT_PORT}`);
  const place = /^\/\/(?:\[([0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?\/?$/.exec(parts[2]!);
  const host = place?.[1] ?? place?.[2];
  if (place === null || host === undefined) {
    throw new Fault('bad-url', `${shown} is not tcp://HOST:PORT; an IPv6 address stands in brackets, as in tcp://[::1]:${DEFAULT_PORT}`);
  }
  if (host.length > HOST_CHARS) throw new Fault('bad-url', `${shown}: the host's name is too long`);
  const port = place[3] === undefined ? DEFAULT_PORT : Number(place[3]);
  if (port > 65_535) throw new Fault('bad-url', `${shown}: a port is at most 65535`);
  return { scheme: 'tcp', host, port };
}

/** The URL of an address; IPv6 in brackets, the port always written. */
export function formatAddress(address: { host: string; port: number }): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}

/** True when only programs on this machine can reach that host. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
