// Retains a message on a topic that is also its will, and waits to be killed: `node mqtt-will.child.mjs URL TOPIC`.
import { mqttBroker } from '../../src/io/mqtt.ts';

const [url, topic] = process.argv.slice(2) as [string, string];
const broker = mqttBroker(url, { clientId: `child${process.pid}`, will: { topic }, random: Math.random });
broker.onUp = () => void broker.publish(topic, new TextEncoder().encode('here'), true);
setTimeout(() => process.exit(1), 60_000);
