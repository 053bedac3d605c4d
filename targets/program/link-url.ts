// The URLs of links: which kinds there are, what each must look like, and how one is shown without its password.

import { Fault } from '../../src/fault.ts';
import { DEFAULT_PORT, parseAddress } from '../../src/io/address.ts';
import { printableBroker } from '../../src/io/mqtt-url.ts';

/** What the parameters of a broker's URL may be besides those of the connection. */
const BROKER_EXTRAS = ['topic'];

/** The scheme of a URL, in small letters; empty when there is none. */
export function schemeOf(url: string): string {
  return /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(url)?.[1]?.toLowerCase() ?? '';
}

/** Checks the URL of a link that is dialled; what reads the URLs of a kind is loaded when one is there. Faults: `bad-url` with what is wrong with it, `unsupported`. */
export async function checkUrl(url: string): Promise<void> {
  switch (schemeOf(url)) {
    case 'mqtt': case 'mqtts': {
      const { extra } = (await import('../../src/io/mqtt-address.ts')).parseBroker(url);
      const odd = Object.keys(extra).find((name) => !BROKER_EXTRAS.includes(name));
      if (odd !== undefined) throw new Fault('bad-url', `${shownUrl(url)}: there is no parameter ${JSON.stringify(odd)} for a broker`);
      return;
    }
    case 'serial': (await import('../../src/io/serial-address.ts')).parseSerial(url); return;
    case 'file': (await import('./file-url.ts')).parseFileUrl(url); return;
    default: parseAddress(url);
  }
}

/** Checks the URL of a place to listen at. Faults as for `checkUrl`. */
export async function checkListenUrl(url: string): Promise<void> {
  if (schemeOf(url) === 'mqtt' || schemeOf(url) === 'mqtts' || schemeOf(url) === 'file') throw cannotListen(url);
  await checkUrl(url);
}

/** The fault for listening where one can only dial. */
export function cannotListen(url: string): Fault {
  if (schemeOf(url) === 'file') return new Fault('bad-url', `${url} cannot be listened on: nobody calls from there. Name it under peers instead`);
  return new Fault('bad-url', `${shownUrl(url)} cannot be listened on: nodes meet at a broker by connecting to it. Name it under peers instead, and listen for example on tcp://0.0.0.0:${DEFAULT_PORT}`);
}

/** A URL as it may be shown: without its password. */
export function shownUrl(url: string): string {
  return schemeOf(url).startsWith('mqtt') ? printableBroker(url) : url;
}
