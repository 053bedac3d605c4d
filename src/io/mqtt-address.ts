// The addresses of MQTT brokers: what a URL such as mqtts://gateway@broker.example?ca=ca.pem means.

import { Fault } from '../fault.ts';
import { BROKER_URL, printableBroker } from './mqtt-url.ts';

/** Where a broker is and how it wants to be met. Paths are as they stand in the URL. */
export interface BrokerAddress {
  readonly scheme: 'mqtt' | 'mqtts';
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  /** A file whose first line is the password. */
  readonly passwordFile?: string;
  /** PEM files: the only CA that is trusted; the certificate and key that this node shows. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name that the broker's certificate must carry, when it is not the host's. */
  readonly serverName?: string;
  /** 5, or 4 for MQTT 3.1.1; without it both are tried. */
  readonly version?: 4 | 5;
  /** Seconds of silence after which each side asks for the other. */
  readonly keepAlive: number;
  /** Parameters that are not the connection's; whoever they are for takes them, and refuses what nobody knows. */
  readonly extra: { readonly [name: string]: string };
}

const PORTS = { mqtt: 1883, mqtts: 8883 };
const EXAMPLE = 'mqtt://broker.example:1883 or mqtts://user@broker.example?ca=ca.pem&password-file=broker.pass';
/** Longest host in a URL: what DNS allows. */
const HOST_CHARS = 253;
/** Longest URL that is read. */
const URL_CHARS = 4_096;
/** UTF-8 bytes of a user name or password: what MQTT can carry. */
const CREDENTIAL_BYTES = 65_535;
const KEEP_ALIVE_S = 30;
const KEEP_ALIVE_LEAST_S = 5;
const KEEP_ALIVE_MOST_S = 3_600;

const TLS_ONLY = ['ca', 'cert', 'key', 'servername'];

/**
 * Reads a broker's URL: `mqtt://[user[:password]@]host[:port][?name=value&…]`, or mqtts. In user, password and values %XX stands for a byte.
 * Fault `bad-argument`: says what is wrong and how it is written; it never shows the password.
 */
export function parseBroker(url: string): BrokerAddress {
  const shown = JSON.stringify(url.length > 160 ? `${printableBroker(url).slice(0, 160)}…` : printableBroker(url));
  const wrong = (what: string): Fault => new Fault('bad-argument', `${shown}: ${what}. Write for example ${EXAMPLE}`);
  if (url.length > URL_CHARS) throw wrong('the URL is too long');
  const parts = BROKER_URL.exec(url);
  if (parts === null) throw wrong('this is not the URL of a broker, mqtt://HOST:PORT or mqtts://HOST:PORT; an IPv6 address stands in brackets, and in a user name or password %40 stands for @, %2F for /');
  const scheme = parts[1]!.toLowerCase() as 'mqtt' | 'mqtts';
  const host = (parts[3] ?? parts[4])!;
  if (host.length > HOST_CHARS) throw wrong("the host's name is too long");
  const port = parts[5] === undefined ? PORTS[scheme] : Number(parts[5]);
  if (port < 1 || port > 65_535) throw wrong('a port is 1 to 65535');

  const given = new Map<string, string>();
  for (const pair of (parts[6] ?? '').split('&').filter((each) => each !== '')) {
    const at = pair.indexOf('=');
    const name = decoded(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : decoded(pair.slice(at + 1));
    if (name === undefined || value === undefined) throw wrong('after a % in the parameters come two hexadecimal digits');
    if (!/^[a-z][a-z0-9-]{0,31}$/.test(name)) throw wrong(`the parameter ${JSON.stringify(name.slice(0, 40))} has no name as it should: small letters, digits and hyphens`);
    if (given.has(name)) throw wrong(`the parameter ${name} is there twice`);
    given.set(name, value);
  }
  const take = (name: string): string | undefined => {
    const value = given.get(name);
    given.delete(name);
    if (value === '') throw wrong(`the parameter ${name} has no value`);
    if (value !== undefined && value.includes('\0')) throw wrong(`the parameter ${name} has a zero byte`);
    if (value !== undefined && scheme === 'mqtt' && TLS_ONLY.includes(name)) throw wrong(`${name} is for encrypted connections; write mqtts:// instead of mqtt://`);
    return value;
  };
  const whole = (name: string, least: number, most: number): number | undefined => {
    const value = take(name);
    if (value === undefined) return undefined;
    if (!/^\d{1,6}$/.test(value) || Number(value) < least || Number(value) > most) throw wrong(`${name} is a whole number from ${least} to ${most}`);
    return Number(value);
  };

  const colon = parts[2]?.indexOf(':') ?? -1;
  const user = parts[2] === undefined ? undefined : decoded(colon < 0 ? parts[2] : parts[2].slice(0, colon));
  const password = colon < 0 ? undefined : decoded(parts[2]!.slice(colon + 1));
  if ((parts[2] !== undefined && user === undefined) || (colon >= 0 && password === undefined)) throw wrong('after a % in the user name and password come two hexadecimal digits; %25 stands for % itself');
  if (user === '') throw wrong('before the @ stands a user name');
  for (const each of [user, password]) if (each !== undefined && (each.includes('\0') || new TextEncoder().encode(each).length > CREDENTIAL_BYTES)) throw wrong('MQTT cannot carry this user name or password');
  const passwordFile = take('password-file');
  if (passwordFile !== undefined && password !== undefined) throw wrong('the password stands in the URL and in a file; leave one out');
  if (passwordFile !== undefined && user === undefined) throw wrong('a password needs a user name, as in mqtts://USER@HOST?password-file=PATH');
  const ca = take('ca'), cert = take('cert'), key = take('key'), serverName = take('servername');
  if ((cert === undefined) !== (key === undefined)) throw wrong('a client certificate is two files, cert=PATH and key=PATH');
  const version = whole('version', 4, 5) as 4 | 5 | undefined;
  const keepAlive = whole('keepalive', KEEP_ALIVE_LEAST_S, KEEP_ALIVE_MOST_S) ?? KEEP_ALIVE_S;
  if (given.has('password')) throw wrong('the password stands after the user name, as in mqtts://USER:PASSWORD@HOST, or better in a file, as in mqtts://USER@HOST?password-file=PATH');
  if (given.has('insecure')) throw wrong('there is no way to trust every certificate; name the one to trust with ca=PATH');
  return {
    scheme, host, port, keepAlive, extra: Object.fromEntries(given),
    ...(user !== undefined && { user }), ...(password !== undefined && { password }), ...(passwordFile !== undefined && { passwordFile }),
    ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }),
    ...(serverName !== undefined && { serverName }), ...(version !== undefined && { version }),
  };
}

/** Text whose %XX are bytes of UTF-8; undefined when they are not. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
