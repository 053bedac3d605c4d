// The addresses of serial links: what serial:/dev/ttyUSB0?baud=115200&mode=half&airtime=1% means, and how it is written.

import { Fault } from '../fault.ts';

/** A port and how it is to be used. */
export interface SerialAddress {
  readonly scheme: 'serial';
  /** The device, as the system names it. */
  readonly path: string;
  /** Bits a second: 300 to 12,000,000. */
  readonly baud: number;
  /** `half`: one side talks at a time (RS-485, packet radio). */
  readonly mode: 'full' | 'half';
  /** The share of the time that may be used for sending: above 0, at most 1. */
  readonly airtime: number;
  /** `rtscts`: the lines RTS and CTS say who may send. */
  readonly flow: 'none' | 'rtscts';
  /** Milliseconds that an answer of the peer may take; without it what a greeting takes on such a line (`patienceOn`). */
  readonly patience?: number;
}

/** Bytes of both greetings and of what introduces a node that the other one does not know yet. */
const GREETING_BYTES = 2_048;
const PATIENCE_LEAST_MS = 20_000, PATIENCE_MOST_MS = 86_400_000;
const BAUD = 115_200, BAUD_LEAST = 300, BAUD_MOST = 12_000_000, PATH_CHARS = 4_096;
const EXAMPLE = 'write for example serial:/dev/ttyUSB0?baud=115200';

/** Reads the URL of a serial link. What is not given: 115,200 baud, full duplex, all of the time, no flow control. Fault `bad-url`, with what is wrong about it. */
export function parseSerial(url: string): SerialAddress {
  const shown = JSON.stringify(url.length > 120 ? `${url.slice(0, 120)}…` : url);
  const bad = (what: string): never => {
    throw new Fault('bad-url', `${shown}: ${what}`);
  };
  const parts = /^serial:(?:\/\/(?=\/))?([^?#]*)(?:\?([^#]*))?$/is.exec(url);
  if (!parts) return bad(`this is not the URL of a serial link; ${EXAMPLE}`);
  const path = parts[1]!;
  if (path === '') bad(`the port is missing; ${EXAMPLE}`);
  if (path.length > PATH_CHARS || path.includes('\0')) bad('this is not the path of a port');
  if (path.startsWith('//')) bad(`a port has no host; ${EXAMPLE}`);
  let baud = BAUD, mode: SerialAddress['mode'] = 'full', airtime = 1, flow: SerialAddress['flow'] = 'none', patience: number | undefined;
  const seen = new Set<string>();
  for (const item of parts[2] ? parts[2].split('&') : []) {
    const [name, value] = splitOnce(item);
    if (seen.has(name)) bad(`${name} is there twice`);
    seen.add(name);
    switch (name) {
      case 'baud':
        baud = /^\d{1,8}$/.test(value) ? Number(value) : 0;
        if (baud < BAUD_LEAST || baud > BAUD_MOST) bad(`baud is a number from ${BAUD_LEAST} to ${BAUD_MOST}, as in baud=${BAUD}`);
        break;
      case 'mode':
        if (value !== 'full' && value !== 'half') return bad('mode is full or half');
        mode = value;
        break;
      case 'airtime':
        airtime = /^\d{1,3}(\.\d{1,4})?%$/.test(value) ? Number(value.slice(0, -1)) / 100 : 0;
        if (airtime <= 0 || airtime > 1) bad('airtime is a share of the time, as in airtime=1%');
        break;
      case 'flow':
        if (value !== 'none' && value !== 'rtscts') return bad('flow is none or rtscts');
        flow = value;
        break;
      case 'patience':
        patience = /^\d{1,5}$/.test(value) ? Number(value) * 1_000 : 0;
        if (patience < PATIENCE_LEAST_MS || patience > PATIENCE_MOST_MS) bad('patience is a number of seconds from 20 to 86400, as in patience=120');
        break;
      default: bad(`there is no option ${JSON.stringify(name)}; there are baud, mode, airtime, flow and patience`);
    }
  }
  return { scheme: 'serial', path, baud, mode, airtime, flow, ...(patience !== undefined && { patience }) };
}

/** The URL of an address; what has its default is left out, but for the baud rate. */
export function formatSerial({ path, baud, mode, airtime, flow, patience }: Omit<SerialAddress, 'scheme'>): string {
  const percent = String(Math.round(airtime * 1e6) / 1e4);
  return `serial:${path}?baud=${baud}${mode === 'half' ? '&mode=half' : ''}${airtime < 1 ? `&airtime=${percent}%` : ''}${flow === 'rtscts' ? '&flow=rtscts' : ''}${patience === undefined ? '' : `&patience=${patience / 1_000}`}`;
}

/** How long a peer may take to answer, ms: as the URL says, or what greetings both ways take where one byte has ten bits and only a share of the time is for sending. */
export function patienceOn({ baud, mode, airtime, patience }: SerialAddress): number {
  return patience ?? Math.ceil(GREETING_BYTES * 10_000 / baud / airtime * (mode === 'half' ? 2 : 1));
}

function splitOnce(item: string): [string, string] {
  const at = item.indexOf('=');
  return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)];
}
