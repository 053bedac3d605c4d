// The server program: the node on PostgreSQL, one of any number of processes.

import { start } from '../program/start.ts';
import { shownArguments } from './shown-database.ts';
import { SERVER } from './target.ts';

const args = process.argv.slice(2), shown = shownArguments(args);
// The list of processes is for everybody's eyes, a password is not.
if (shown.some((word, at) => word !== args[at])) process.title = ['holdfast', ...shown].join(' ');
start(args, SERVER);
