// The edge program: the node with everything that it needs in one directory.

import { COMMANDS } from '../program/commands.ts';
import { start } from '../program/start.ts';

start(process.argv.slice(2), COMMANDS);
