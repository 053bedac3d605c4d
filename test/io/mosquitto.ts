// A real mosquitto for tests: on a free port of this machine, in a folder of its own, with the users, rules and certificates that a test asks for.
import { spawn, spawnSync, execFileSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { freshFolder } from './folder.ts';

/** How to set up the broker. */
export interface MosquittoSetup {
  /** Further lines of its configuration, for the listener: `max_packet_size 2000`. */
  config?: string[];
  port?: number;
  /** Encrypted; `client`: only for those that show a certificate of the broker's CA. */
  tls?: 'server' | 'client';
  /** The text of an ACL file. */
  acl?: string;
  /** Name → password; without users anybody may connect. */
  users?: { [name: string]: string };
}

/** A broker that runs until `stop`, which removes its folder. */
export interface Mosquitto {
  /** mqtt://127.0.0.1:PORT, or mqtts://127.0.0.1:PORT?ca=… */
  readonly url: string;
  readonly port: number;
  /** Its configuration; with TLS also ca.pem, client.pem, client.key, and of a CA that it does not know strange-ca.pem, strange.pem, strange.key. */
  readonly folder: string;
  /** What it has logged so far. */
  log(): string;
  /** SIGTERM, or SIGKILL; it can be started again with `restart`. */
  quit(): Promise<void>;
  kill(): Promise<void>;
  /** Ends it with SIGTERM if it runs, and starts it with the same folder and port. Without persistence it has forgotten everything. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Those that run: none outlives the test. */
const children = new Set<ChildProcess>();
process.on('exit', () => { for (const each of children) each.kill('SIGKILL'); });

const PLACES = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/usr/bin'];
const program = (name: string): string | undefined => PLACES.map((each) => join(each, name)).find((each) => existsSync(each));

/** Whether mosquitto is on this machine: `(hasMosquitto() ? test : test.skip)('name', …)`. */
export function hasMosquitto(): boolean {
  return program('mosquitto') !== undefined && program('mosquitto_passwd') !== undefined && program('openssl') !== undefined;
}

/** The path of a program that comes with mosquitto, such as mosquitto_pub. */
export function mosquittoTool(name: string): string {
  return program(name) ?? name;
}

/** Starts a broker and waits until it takes connections. */
export async function startMosquitto(setup: MosquittoSetup = {}): Promise<Mosquitto> {
  const folder = await freshFolder();
  const at = (name: string) => join(folder.path, name);
  // Where the suite runs as root, mosquitto would become another user that cannot read the folder.
  const lines = ['log_dest stderr', 'log_type error', 'log_type warning', 'log_type notice', 'log_type information', 'persistence false', 'user root'];
  if (setup.tls !== undefined) makeCertificates(folder.path);
  if (setup.users !== undefined) {
    for (const [name, password] of Object.entries(setup.users)) {
      execFileSync(mosquittoTool('mosquitto_passwd'), ['-b', ...(existsSync(at('passwords')) ? [] : ['-c']), at('passwords'), name, password], { stdio: 'pipe' });
    }
    lines.push('allow_anonymous false', `password_file ${at('passwords')}`);
  } else lines.push('allow_anonymous true');
  if (setup.acl !== undefined) {
    writeFileSync(at('acl'), setup.acl);
    chmodSync(at('acl'), 0o600);
    lines.push(`acl_file ${at('acl')}`);
  }

  let child: ChildProcess | undefined;
  let text = '';
  let port = 0;
  const running = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  async function start(): Promise<boolean> {
    child = spawn(mosquittoTool('mosquitto'), ['-c', at('mosquitto.conf')], { stdio: ['ignore', 'ignore', 'pipe'] });
    const mine = child;
    children.add(mine);
    mine.on('close', () => children.delete(mine));
    const from = text.length;
    mine.stderr!.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    return new Promise((resolve) => {
      mine.stderr!.on('data', () => { if (/ running$/m.test(text.slice(from))) resolve(true); });
      mine.on('close', () => resolve(false));
    });
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!running()) return;
    const gone = new Promise((resolve) => child!.once('exit', resolve));
    child!.kill(signal);
    await gone;
  }

  // Another program may take the port between our asking and mosquitto's.
  for (let attempt = 0; ; attempt++) {
    port = setup.port ?? await freePort();
    const tls = setup.tls === undefined ? [] : [`cafile ${at('ca.pem')}`, `certfile ${at('server.pem')}`, `keyfile ${at('server.key')}`, ...(setup.tls === 'client' ? ['require_certificate true'] : [])];
    writeFileSync(at('mosquitto.conf'), [...lines, `listener ${port} 127.0.0.1`, ...tls, ...(setup.config ?? []), ''].join('\n'));
    if (await start()) break;
    if (attempt === 5 || setup.port !== undefined || !/in use/.test(text)) throw new Error(`mosquitto does not start: ${text}`);
  }
  return {
    url: setup.tls === undefined ? `mqtt://127.0.0.1:${port}` : `mqtts://127.0.0.1:${port}?ca=${at('ca.pem')}`,
    port, folder: folder.path,
    log: () => text,
    quit: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      if (!(await start())) throw new Error(`mosquitto does not start again: ${text}`);
    },
    async stop() {
      await end('SIGKILL');
      await folder.remove();
    },
  };
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Makes a CA with a certificate for the broker (of 127.0.0.1 and localhost) and one for a client, and a second CA with a client's. */
function makeCertificates(folder: string): void {
  const openssl = (...args: string[]): void => {
    const result = spawnSync(mosquittoTool('openssl'), args, { cwd: folder, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`openssl ${args[0]} failed: ${result.stderr}`);
  };
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-sha256'];
  const authority = (name: string) => openssl('req', '-x509', ...key, '-days', '3650', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=Test ${name}`);
  const leaf = (name: string, ca: string, common: string, names: string) => {
    writeFileSync(join(folder, `${name}.ext`), `basicConstraints=CA:FALSE\n${names}`);
    openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${common}`);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', '3650', '-out', `${name}.pem`, '-extfile', `${name}.ext`);
  };
  authority('ca');
  authority('strange-ca');
  leaf('server', 'ca', 'broker.test', 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  leaf('client', 'ca', 'gateway-one', '');
  leaf('strange', 'strange-ca', 'gateway-one', '');
}
