// The server program: the node on PostgreSQL, one of any number of processes.

import { start } from '../program/start.ts';
import { SERVER } from './target.ts';

start(process.argv.slice(2), SERVER);
