// The configuration file that a new node gets: a comment of every setting, and nothing set.

import { DEFAULT_PORT } from '../../src/io/address.ts';
import { DEFAULT_HTTP } from './http-place.ts';
import { allSettings } from './settings.ts';
import { defaults } from './target.ts';

/** The configuration file that `init` leaves, with every setting explained and none set. */
export function configTemplate(): string {
  const example: { [name: string]: string } = {
    name: '"pump-house"', listen: `["tcp://0.0.0.0:${DEFAULT_PORT}"]`, peers: `["tcp://hq.example:${DEFAULT_PORT}"]`, metrics_seconds: String(defaults().metricsSeconds), window_ms: String(defaults().windowMs), clock: '"auto"',
    http: `"${DEFAULT_HTTP}"`, http_names: '["pi.local"]', log: '"text"',
  };
  const lines = ['# Settings of this Holdfast node; `holdfast run` reads them when it starts. A flag or a variable goes before this file.', ''];
  for (const setting of allSettings()) lines.push(`# ${setting.help}`, `# ${setting.name} = ${setting.example ?? example[setting.name]}`, '');
  lines.push('# A link with more to say than peers can: how it ranks among links to one peer (primary, alternate, contingency, emergency), and what it may carry.', '# [[link]]', `# url = "tcp://hq.example:${DEFAULT_PORT}"`, '# preference = "emergency"', '# budget = "200 MB/month"', '');
  lines.push('# What else is recorded here: one table for each source, of kind file, command, stdin, serial, mqtt, http or host.', '# [[input]]', '# kind = "file"', '# path = "/var/log/sensor.ndjson"', '# format = "json"', '# stream = "telemetry"', '# key = "{device}"', '');
  return lines.join('\n');
}
