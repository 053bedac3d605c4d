// A broker that does what a test tells it, byte by byte: for what real brokers do not do, or not when one would like them to.
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A packet that a client sent: its kind (1 CONNECT, 3 PUBLISH, 4 PUBACK, 8 SUBSCRIBE, …), flags, and what comes after its header. */
export interface Heard { readonly kind: number; readonly flags: number; readonly body: Buffer }

/** One connection at the fake broker. */
export interface FakeConnection {
  readonly socket: Socket;
  readonly heard: Heard[];
  send(...packets: Uint8Array[]): void;
}

/** A fake broker that runs until `stop`. */
export interface FakeBroker {
  readonly url: string;
  readonly port: number;
  readonly connections: FakeConnection[];
  stop(): Promise<void>;
}

/** Listens on a free port and calls `act` for each packet that arrives; `opened` for each connection, before anything arrived. */
export async function fakeBroker(act: (heard: Heard, connection: FakeConnection, index: number) => void, opened: (connection: FakeConnection, index: number) => void = () => {}): Promise<FakeBroker> {
  const connections: FakeConnection[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const heard: Heard[] = [];
    const connection: FakeConnection = { socket, heard, send: (...packets) => void socket.write(Buffer.concat(packets)) };
    const index = connections.push(connection) - 1;
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let size = sizeOf(rest); size !== undefined && rest.length >= size.header + size.body; size = sizeOf(rest)) {
        const packet: Heard = { kind: rest[0]! >> 4, flags: rest[0]! & 15, body: Buffer.from(rest.subarray(size.header, size.header + size.body)) };
        rest = rest.subarray(size.header + size.body);
        heard.push(packet);
        act(packet, connection, index);
      }
    });
    opened(connection, index);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `mqtt://127.0.0.1:${port}`, port, connections,
    async stop() {
      for (const { socket } of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sizeOf(bytes: Buffer): { header: number; body: number } | undefined {
  let body = 0;
  for (let at = 1; at < Math.min(5, bytes.length); at++) {
    body += (bytes[at]! & 0x7f) * 0x80 ** (at - 1);
    if (bytes[at]! < 0x80) return { header: at + 1, body };
  }
  return undefined;
}

/** A packet of a first byte and a body. */
export function packet(first: number, ...body: (number | Uint8Array)[]): Uint8Array {
  const bytes = Buffer.concat(body.map((each) => (typeof each === 'number' ? Buffer.of(each) : each)));
  const length: number[] = [];
  for (let left = bytes.length; length.length === 0 || left > 0; left = Math.floor(left / 128)) length.push((left % 128) | (left >= 128 ? 0x80 : 0));
  return Buffer.concat([Buffer.of(first, ...length), bytes]);
}

const number16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255);
const text = (value: string): Uint8Array => Buffer.concat([number16(Buffer.byteLength(value)), Buffer.from(value)]);

/** CONNACK of MQTT 5 with a reason and the bytes of its properties, and of 3.1.1 with a return code. */
export const connack5 = (code = 0, properties: Uint8Array = new Uint8Array()): Uint8Array => packet(0x20, 0, code, properties.length, properties);
export const connack4 = (code = 0): Uint8Array => packet(0x20, 0, code);
/** SUBACK that gives every filter of a SUBSCRIBE the same answer. */
export function suback(heard: Heard, version: 4 | 5, code = 1): Uint8Array {
  let filters = 0;
  for (let at = version === 5 ? 3 + heard.body[2]! : 2; at < heard.body.length; filters++) at += 3 + heard.body.readUInt16BE(at);
  return packet(0x90, heard.body.subarray(0, 2), ...(version === 5 ? [0] : []), new Uint8Array(filters).fill(code));
}
/** PUBACK of a PUBLISH of QoS 1. */
export function puback(heard: Heard, code?: number): Uint8Array {
  const id = 2 + heard.body.readUInt16BE(0);
  return packet(0x40, heard.body.subarray(id, id + 2), ...(code === undefined ? [] : [code]));
}
/** PUBLISH of QoS 1 to a client. */
export const publish = (version: 4 | 5, topic: string, id: number, payload: Uint8Array): Uint8Array => packet(0x32, text(topic), number16(id), ...(version === 5 ? [0] : []), payload);
/** DISCONNECT of MQTT 5 with a reason. */
export const disconnect5 = (code: number): Uint8Array => packet(0xe0, code, 0);
