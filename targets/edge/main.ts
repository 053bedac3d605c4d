// The edge program: the node with everything that it needs in one directory.

import { start } from '../program/start.ts';
import { EDGE } from './target.ts';

start(process.argv.slice(2), EDGE);
