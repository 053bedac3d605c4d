// Where a PostgreSQL is: a URL, or keywords and values as libpq has them.
import { Client, type ClientConfig } from 'pg';
import { Fault } from '../fault.ts';
import { isLoopback } from './address.ts';

const KEYWORDS: Record<string, string> = { host: 'host', hostaddr: 'host', port: 'port', dbname: 'database', user: 'user', password: 'password' };

/**
 * What pg wants to know, from `postgres://user:password@host:port/database?sslmode=…` (or `postgresql://`, `socket:/folder?db=name`), or from `host=… port=… dbname=… user=… password=…`; a host that begins with `/` is the folder of a
 * socket. What is missing comes from PGHOST, PGUSER and the like. Fault `bad-url`.
 */
export function postgresAddress(url: string): ClientConfig {
  if (/^(postgres(ql)?|socket):/.test(url)) {
    if (!url.startsWith('socket:') && !URL.canParse(url.replace(/^\w+:\/\/([^@/]*@)?\//, '$&x/'))) throw badUrl('it is not a URL (what is special in a user or password stands percent-encoded there: / as %2F, @ as %40, : as %3A)');
    return { connectionString: url };
  }
  if (!/^\s*\w+\s*=/.test(url)) throw badUrl('it is neither a URL that begins with postgres:// nor keywords such as host=… dbname=…');
  const config: Record<string, string | number> = {}, rest = new URLSearchParams();
  const pairs = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gy;
  let at = 0;
  for (const [whole, name, quoted, plain] of url.matchAll(pairs)) {
    const value = (quoted ?? plain ?? '').replace(/\\(.)/g, '$1'), known = KEYWORDS[name!];
    if (known) config[known] = known === 'port' ? Number(value) : value;
    else rest.set(name!, value);
    at += whole.length;
  }
  if (url.slice(at).trim() !== '') throw badUrl(`"${url.slice(at, at + 20).replace(/[^\w\s]/g, '…')}" cannot be read`);
  if (rest.size === 0) return config;
  // What is about TLS is understood where URLs are.
  const part = (name: string): string => encodeURIComponent(String(config[name] ?? ''));
  rest.set('host', String(config['host'] ?? ''));
  return { connectionString: `postgres://${part('user')}${config['password'] === undefined ? '' : `:${part('password')}`}@${config['port'] ? `x:${config['port']}` : ''}/${part('database')}?${rest}` };
}

/** Whether an address leads to this machine: a socket of its file system, or loopback. */
export function isHere(config: ClientConfig): boolean {
  const { host } = new Client(config);
  return host.startsWith('/') || isLoopback(host);
}

function badUrl(why: string): Fault {
  return new Fault('bad-url', `This is not the address of a PostgreSQL: ${why}. Example: postgres://user:password@host:5432/database`);
}
