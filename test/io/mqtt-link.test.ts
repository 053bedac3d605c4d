// The link that a session over a broker has: a reliable one made of datagrams through a real mosquitto, in MQTT 5 and with the small packets that some brokers allow.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arq } from '../../src/carry/arq.ts';
import { arqLink, type ArqLink } from '../../src/carry/arq-link.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import { FRAME_BYTES } from '../../src/limits.ts';
import type { Broker } from '../../src/ports.ts';
import { Chance } from '../sim/chance.ts';
import { linkConformance } from './link-conformance.ts';
import { hasMosquitto, startMosquitto, type Mosquitto } from './mosquitto.ts';

const now = () => performance.now();
let number = 0;

/** One side: a connection to the broker, and the link that is made of the messages from `own` and to `other`. */
class Side {
  readonly link: ArqLink;
  readonly broker: Broker;
  /** Messages that came and were not looked at yet. */
  held: (() => void)[] | undefined;
  ended = false;
  private timer: NodeJS.Timeout | undefined;
  private woken = false;

  constructor(url: string, role: 'open' | 'accept', own: string, other: string, mtu: number) {
    const chance = new Chance(own);
    this.broker = mqttBroker(url, { clientId: own.replaceAll('/', ''), random: () => chance.unit() });
    this.broker.subscribe([own]);
    this.link = arqLink(arq({ role, now: now(), random: chance, mtu, window: 262_144 }), {
      send: (datagram) => this.broker.publish(other, datagram, false),
      wake: () => {
        if (this.woken) return;
        this.woken = true;
        setImmediate(() => { this.woken = false; this.touch(() => this.link.pump(now())); });
      },
      ended: () => { this.ended = true; },
    }, { name: 'mqtt', frameBytes: FRAME_BYTES, thin: false });
    this.broker.onDrain = () => this.touch(() => this.link.roomy(now()));
    this.broker.onDown = () => this.link.away();
    this.broker.onMessage = (_, payload, done) => {
      const take = (): void => { this.touch(() => this.link.datagram(payload, now())); done(); };
      if (this.held) this.held.push(take); else take();
    };
  }

  touch(act: () => void): void {
    act();
    clearTimeout(this.timer);
    if (this.link.deadline !== undefined) this.timer = setTimeout(() => this.touch(() => this.link.pump(now())), Math.max(1, this.link.deadline - now()));
  }

  async up(): Promise<void> {
    while (!this.broker.up) await new Promise((resolve) => setTimeout(resolve, 5));
    this.broker.onUp = () => this.touch(() => this.link.back(now()));
    this.touch(() => this.link.pump(now()));
  }

  async stop(): Promise<void> {
    this.link.close();
    for (let waited = 0; !this.ended && waited < 100; waited++) await new Promise((resolve) => setTimeout(resolve, 5));
    clearTimeout(this.timer);
    await this.broker.close();
  }
}

async function sides(mosquitto: Mosquitto, mtu: number): Promise<{ left: Side; right: Side; stop(): Promise<void> }> {
  const name = `c${number++}`;
  const left = new Side(mosquitto.url, 'open', `${name}/l`, `${name}/r`, mtu), right = new Side(mosquitto.url, 'accept', `${name}/r`, `${name}/l`, mtu);
  await Promise.all([left.up(), right.up()]);
  return { left, right, stop: async () => { await Promise.all([left.stop(), right.stop()]); } };
}

if (hasMosquitto()) {
  const kinds: [string, string[], number][] = [['mqtt', [], 16_384], ['mqtt in packets of 2,000 bytes', ['max_packet_size 2000'], 1_600]];
  // All of them first: suites run as soon as something is waited for.
  const brokers = await Promise.all(kinds.map(([, config]) => startMosquitto({ config })));
  kinds.forEach(([name, , mtu], i) => {
    const mosquitto = brokers[i]!;
    linkConformance(name, {
      async pair() {
        const { left, right, stop } = await sides(mosquitto, mtu);
        return { left: left.link, right: right.link, stop };
      },
      async deaf() {
        const { left, right, stop } = await sides(mosquitto, mtu);
        right.held = [];
        const wake = (): void => {
          const { held } = right;
          right.held = undefined;
          for (const take of held ?? []) take();
        };
        return { link: left.link, wake, stop: async () => { wake(); await stop(); } };
      },
    });
  });
  const test = suite('after all links over mqtt');
  test('nobody was thrown off for what was sent', async () => {
    for (const each of brokers) {
      assert.not.match(each.log(), /protocol error|malformed|exceeded/i);
      await each.stop();
    }
  });
  test.run();
} else {
  const test = suite('links over mqtt');
  console.log('mosquitto is not on this machine: links over a real broker are skipped');
  test.skip('the conformance of links over mosquitto', () => { assert.unreachable(); });
  test.run();
}
