// Where other machines reach this one: what an invitation says of it.

import { networkInterfaces } from 'node:os';
import { formatAddress, isLoopback, parseAddress } from '../../src/io/address.ts';

/** Addresses that are named. */
const MOST = 8;

/** The addresses under which other machines reach a node that listens there; an address of all interfaces becomes each of them. */
export function reachable(listening: string[]): string[] {
  const found = new Set<string>();
  for (const url of listening) {
    const { host, port } = parseAddress(url);
    if (isLoopback(host)) continue;
    if (host !== '0.0.0.0' && host !== '::') found.add(url);
    else {
      for (const { family, address, internal } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
        // Link-local IPv6 addresses mean nothing without an interface of the other machine.
        if (!internal && (family === 'IPv4' || (host === '::' && !address.startsWith('fe80')))) found.add(formatAddress({ host: address, port }));
      }
    }
  }
  return [...found].slice(0, MOST);
}
