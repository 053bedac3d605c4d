// Where the HTTP API of a node is: the setting, and the ports that are tried when nobody chose one.

import { isLoopback } from '../../src/io/address.ts';
import { Fault } from '../../src/fault.ts';

/** A host and a port to listen at. */
export interface HttpPlace { host: string; port: number }

/** The port of the API when none is named. */
export const HTTP_PORT = 7717;
/** Where the API is when nobody says anything: only this machine reaches it. */
export const DEFAULT_HTTP = `127.0.0.1:${HTTP_PORT}`;

/** Where the URL of a running API lies in a data directory, for `holdfast page`. */
export const PLACE_FILE = 'http-url';

/** Reads `HOST:PORT`, `HOST`, or `off`: undefined. IPv6 stands in brackets. Fault `bad-config`. */
export function parseHttp(text: string): HttpPlace | undefined {
  const plain = text.trim().replace(/^http:\/\//i, '').replace(/\/$/, '');
  if (/^(off|none)$/i.test(plain)) return undefined;
  if (/^https:/i.test(plain)) throw new Fault('bad-config', `${JSON.stringify(text.slice(0, 100))}: the node itself has no TLS; put a proxy that has before it.`);
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]{1,253}))(?::(\d{1,5}))?$/.exec(plain);
  const port = Number(parts?.[3] ?? HTTP_PORT);
  if (parts === null || port > 65_535 || (parts[3] === undefined && /^\d+$/.test(plain))) {
    throw new Fault('bad-config', `${JSON.stringify(text.slice(0, 100))} is not HOST:PORT, such as ${DEFAULT_HTTP} or [::1]:${HTTP_PORT}; 0.0.0.0:${HTTP_PORT} lets the network in, off switches it off.`);
  }
  return { host: parts[1] ?? parts[2]!, port };
}

/** Checks a name for this machine. Fault `bad-config`. */
export function checkHttpName(text: string): void {
  if (!/^([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}$/.test(text)) throw new Fault('bad-config', `${JSON.stringify(text.slice(0, 100))} is not the name of a machine, such as pi.local (without port and without http://).`);
}

/** The names by which a place may be called besides this machine's addresses. */
export function namesOf({ host }: HttpPlace, more: readonly string[]): string[] {
  return [...(/^[\d.]+$|:/.test(host) ? [] : [host.toLowerCase()]), ...more];
}

/** The URL of a place, as somebody on this machine can open it. */
export function urlOf({ host, port }: HttpPlace): string {
  const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${here}:${port}`;
}

/** Whether others than this machine reach a place. */
export function isOpen({ host }: HttpPlace): boolean {
  return !isLoopback(host);
}
