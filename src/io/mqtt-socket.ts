// The way to a broker below MQTT: the files of its URL, TCP, and TLS with the CA, names and certificates that the URL asks for.

import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { resolve as resolvePath } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { Fault } from '../fault.ts';
import type { BrokerAddress } from './mqtt-address.ts';
import { socketReason, type SocketError } from './mqtt-reason.ts';

/** TCP and TLS must be up after this long. */
const DIAL_MS = 15_000;
/** Time for each address of a name before the next is tried as well; long enough for a satellite. */
const ATTEMPT_MS = 3_000;
/** Largest PEM or password file that is read. */
const FILE_BYTES = 1_048_576;

/** A connection on which MQTT can be spoken. */
export interface BrokerSocket {
  /** What MQTT is written to and read from. */
  readonly stream: Socket;
  /** The TCP socket below, whose counts are bytes on the wire; the same one when nothing is encrypted. */
  readonly wire: Socket;
  readonly password: string | undefined;
  /** Why the connection broke, in words. */
  reason(error: Error): string;
}

interface Secrets { ca?: string; cert?: string; key?: string; password?: string }

/** Reads the files that a URL names, each time anew: certificates and passwords change. Relative paths start in `folder`. */
async function secretsOf(address: BrokerAddress, folder: string): Promise<Secrets> {
  const read = async (what: string, path: string | undefined): Promise<string | undefined> => {
    if (path === undefined) return undefined;
    const text = await readFile(resolvePath(folder, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Fault('link-failed', `${what} in ${path} cannot be read (${error.code ?? error.message})`, { cause: error });
    });
    if (text.trim() === '' || text.length > FILE_BYTES) throw new Fault('link-failed', `${path} is no file with ${what}`);
    return text;
  };
  const ca = await read("the broker's CA", address.ca), cert = await read('the client certificate', address.cert), key = await read("the client certificate's key", address.key);
  const password = (await read('the password', address.passwordFile))?.split(/\r?\n/, 1)[0] ?? address.password;
  return { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }), ...(password !== undefined && { password }) };
}

/**
 * Connects to a broker, with TLS for mqtts. `signal` gives it up. `onWire` is told of the TCP socket as soon as there is one.
 * Fault `link-failed`, its message saying why without naming the broker: a file, a name, a refusal, a certificate.
 */
export async function dialBroker(address: BrokerAddress, folder: string, signal: AbortSignal, onWire: (wire: Socket) => void): Promise<BrokerSocket> {
  const secrets = await secretsOf(address, folder);
  return new Promise((resolve, reject) => {
    const wire = connect({ host: address.host, port: address.port, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: ATTEMPT_MS, noDelay: true });
    let stream = wire;
    let certificate: ReturnType<ReturnType<typeof connectTls>['getPeerCertificate']> | undefined;
    const reason = (error: Error): string => socketReason(error as SocketError, address, certificate);
    const timer = setTimeout(() => fail(`${address.host} does not answer: is the address right, and does a firewall let port ${address.port} through?`), DIAL_MS);
    const onAbort = () => fail('given up');
    const onError = (error: Error) => fail(reason(error));
    const onClose = () => fail('the broker closed the connection before anything was said: does it allow this address, and is it the right port?');
    onWire(wire);
    wire.on('error', onError).on('close', onClose);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    wire.on('connect', () => {
      if (address.scheme === 'mqtt') return settle();
      try {
        secure();
      } catch (error) {
        // A key that does not belong to its certificate, or a file that is no PEM.
        fail(`the files ${[address.ca, address.cert, address.key].filter((each) => each !== undefined).join(', ')} cannot be used for TLS: ${error instanceof Error ? error.message : String(error)}`);
      }
    });

    function secure(): void {
      const name = address.serverName ?? address.host;
      const { ca, cert, key } = secrets;
      const tls = connectTls({
        socket: wire, host: name, minVersion: 'TLSv1.2',
        ...(isIP(name) === 0 && { servername: name }), ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }),
      });
      stream = tls;
      tls.on('error', onError).on('close', onClose).on('secureConnect', settle);
      // Of a certificate that is refused nothing can be asked later.
      tls.prependListener('secure', () => { certificate = tls.getPeerCertificate(); });
    }
    function leave(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      for (const each of new Set([wire, stream])) {
        each.off('error', onError).off('close', onClose);
        // A late error of a socket that nobody waits for must not end the process.
        each.on('error', () => {});
      }
    }
    function settle(): void {
      leave();
      resolve({ stream, wire, password: secrets.password, reason });
    }
    function fail(why: string): void {
      leave();
      stream.destroy();
      wire.destroy();
      reject(new Fault('link-failed', why));
    }
  });
}
