// A broker of MQTT 3.1.1 for the demo, on one port of this machine. It keeps nothing, and goes when its stdin ends.

import { createServer } from 'node:net';
import { Aedes } from 'aedes';

const broker = await Aedes.createBroker();
createServer((socket) => broker.handle(socket)).listen(Number(process.argv[2]), '127.0.0.1', () => { console.log('ready'); });
process.stdin.on('end', () => process.exit(0)).resume();
