// The description of the API for programs and their makers (OpenAPI 3.1), served at /openapi.json.

import { FLEET_SCHEMAS } from './openapi-fleet-schemas.ts';
import { FLEET_PATHS } from './openapi-fleet.ts';
import { answer, BUSY, path, plain, query, REFUSED, tables, type Operation } from './openapi-parts.ts';
import { ref, SCHEMAS, type Schema } from './openapi-schemas.ts';

const STREAM = path('stream', 'The stream.');
const FILTER = [
  query('key', 'Only events about this key.'), query('type', 'Only events of this type.'),
  query('since', 'Only from this time on: ISO 8601 or milliseconds since 1970. Times are when events happened.'), query('until', 'Only before this time.'),
];
const FROM = query('from', 'Where to begin, unless the header Last-Event-ID says: `now` (the default), `start` (everything held first), or a cursor: the last id that was received.');
const FORMAT = [query('format', '`json`, `csv` or `ndjson`; otherwise as the header Accept says. Tables are sent as files.'), query('raw', '1: text in CSV is left as it is, also where a spreadsheet would take it for a formula.')];
const FLATTEN = query('flatten', '1: fields of bodies become columns of the CSV, those that the first 1,000 events have; what has none is in the last one.');
const ALL = { oneOf: [{ type: 'integer', minimum: 1, maximum: 1_000 }, { type: 'string', enum: ['all'] }] };

const FOLLOW_TEXT = 'Server-sent events. Each event is a message whose data is an Event. A message with an id alone carries a cursor: whoever connects again with it (as Last-Event-ID or from=, here or at any other node of the fleet) gets everything that it does not cover, each event at least once. A fault on the way is a message of type `fault` before the end.';

const PATHS: { [path: string]: { [method: string]: Operation } } = {
  '/healthz': {
    get: { summary: 'Whether the node takes what is written to it', responses: { 200: answer('It does.', 'Health'), 503: answer('It does not; the reasons are given.', 'Health') }, security: [] },
  },
  '/readyz': {
    get: { summary: 'Whether the node is open and its store answers: whether requests should come here', responses: { 200: answer('It is.', 'Health'), 503: answer('It is not; the reason is given.', 'Health') }, security: [] },
  },
  '/': { get: { summary: 'The page of this node', responses: { 200: plain('The page.', 'text/html'), 404: answer('This build has none.', 'Error') }, security: [] } },
  '/page/{file}': { get: { summary: "The page's files", parameters: [path('file', 'Its name.')], responses: { 200: plain('The file.', '*/*'), 404: answer('There is none of that name.', 'Error') }, security: [] } },
  '/openapi.json': { get: { summary: 'This description', responses: { 200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } } } } },
  '/metrics': { get: { summary: 'How the node is, for Prometheus', responses: { 200: plain('Text format 0.0.4.', 'text/plain') } } },
  '/api/status': { get: { summary: 'How the node is', responses: { 200: answer('The report, at most a second old.', 'Status') } } },
  '/api/streams': {
    get: { summary: 'The streams, how much they hold, and what came lately', parameters: [query('all', "1: also the system's own."), FORMAT[0]!], responses: { 200: tables('The streams.', 'Streams'), ...REFUSED } },
  },
  '/api/streams/{stream}/events': {
    get: {
      summary: 'Events, in the order that is the same on every node', description: 'A page ends after `limit` events, or earlier when they are large.',
      parameters: [STREAM, ...FILTER, query('limit', 'Events of a page: 1 to 1000, 100 if nothing is said; of tables also `all`.', ALL), query('reverse', '1: the last ones first.'), query('cursor', '`next` of the page before.'), ...FORMAT, FLATTEN],
      responses: { 200: tables('One page.', 'Events'), ...REFUSED, ...BUSY },
    },
    post: {
      summary: 'Record events', description: 'Answered when they are on stable storage. An array is checked as a whole first; lines are recorded as they come, for as long as they come. A packed body is refused.',
      parameters: [STREAM, query('urgent', '1: offer them to other nodes at once instead of within the window.')],
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: { oneOf: [ref('Draft'), { type: 'array', items: ref('Draft') }] } },
          'application/x-ndjson': { schema: { type: 'string', description: 'A Draft on each line; any length.' } },
          'application/cbor': { schema: { type: 'string', contentMediaType: 'application/cbor', description: 'A Draft or an array of them; byte strings are kept.' } },
        },
      },
      responses: {
        200: answer('All were recorded.', 'Appended'), 207: answer('Some were; the refused ones are named.', 'Appended'), 422: answer('None was.', 'Appended'), 400: answer('The body or what was asked for makes no sense.', 'Appended'),
        403: answer('This node may not write here.', 'Appended'), 408: answer('The body did not come in time.', 'Appended'), 413: answer('The body is too large.', 'Appended'), 415: answer('The body is of another kind.', 'Appended'),
        503: answer('The node is busy or stopping.', 'Appended'), 507: answer('The disk is full.', 'Appended'),
      },
    },
  },
  '/api/streams/{stream}/latest': {
    get: {
      summary: 'The latest event of each key, in order of key',
      parameters: [STREAM, query('key', 'Only of this key.'), query('limit', 'Keys of a page: 1 to 1000, 1000 if nothing is said; of tables also `all`.', ALL), query('cursor', '`next` of the page before.'), ...FORMAT, FLATTEN],
      responses: { 200: tables('One page.', 'Latest'), ...REFUSED, ...BUSY },
    },
  },
  '/api/streams/{stream}/keys': {
    get: {
      summary: 'The keys of a stream, in order', parameters: [STREAM, query('limit', 'Keys of a page: 1 to 1000, 1000 if nothing is said; of tables also `all`.', ALL), query('cursor', '`next` of the page before.'), ...FORMAT],
      responses: { 200: tables('One page.', 'Keys'), ...REFUSED, ...BUSY },
    },
  },
  '/api/streams/{stream}/latest/{key}': {
    get: { summary: 'The latest event of a key', parameters: [STREAM, path('key', 'The key, percent-encoded; `.` and `..` cannot stand in a path, use latest?key= for them.')], responses: { 200: answer('The event.', 'Event'), ...REFUSED, 404: answer('There is none.', 'Error') } },
  },
  '/api/streams/{stream}/follow': {
    get: { summary: 'Events of a stream as they come', description: FOLLOW_TEXT, parameters: [STREAM, ...FILTER, FROM], responses: { 200: plain('The events.', 'text/event-stream'), ...REFUSED, ...BUSY } },
  },
  '/api/follow': {
    get: {
      summary: 'Events of several streams as they come', description: `${FOLLOW_TEXT} Streams that appear later are followed from their start, if none are named.`,
      parameters: [query('streams', 'Names, separated by commas; all of them if it is missing, 64 at most.'), ...FILTER, FROM], responses: { 200: plain('The events.', 'text/event-stream'), ...REFUSED, ...BUSY },
    },
  },
  '/api/inputs/{name}': {
    post: {
      summary: 'Hand something to an input, which makes events of it', parameters: [path('name', 'The input, as holdfast.toml names it.')],
      requestBody: { required: true, content: { '*/*': { schema: {}, description: 'What the input takes, 8 MiB at most.' } } },
      responses: { 200: answer('What became of it.', 'Posted'), ...REFUSED, 404: answer('There is no such input.', 'Error'), 413: answer('The body is too large.', 'Error'), 415: answer('The input takes no such thing.', 'Error'), ...BUSY },
    },
  },
};

/** The document. What every route can answer is added to each. */
export function describeApi(version: string): Schema {
  const always = { 401: answer('The token is missing or wrong.', 'Error'), 429: answer('Too many requests with a wrong token.', 'Error') };
  const guarded = { 403: answer('A page of another site asked, the scope of the token does not reach, or this node may not.', 'Error'), 421: answer('This node is not called so.', 'Error') };
  const paths = Object.fromEntries(Object.entries({ ...PATHS, ...FLEET_PATHS }).map(([name, methods]) => [name, Object.fromEntries(Object.entries(methods).map(([method, operation]) =>
    [method, {
      ...(operation.security === undefined ? { 'x-scope': operation.scope ?? (method === 'get' ? 'read' : 'append') } : {}), operationId: `${method}${name.replace(/[^A-Za-z]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`, ...unscoped(operation),
      responses: { ...(operation.security === undefined ? always : {}), ...(name === '/healthz' || name === '/readyz' ? {} : guarded), 500: answer('The node failed; this is told to whoever runs it.', 'Error'), ...operation.responses },
    }]))]));
  return {
    openapi: '3.1.0',
    info: { title: 'Holdfast', version, description: 'The events of one node, in and out. Errors are {"error": {"code", "message"}} with a stable code.', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }], security: [{ token: [] }],
    paths, components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: '`holdfast token` prints one. Its scope is read, append or admin; each includes those before it, and each operation says which it needs (x-scope).' } }, schemas: { ...SCHEMAS, ...FLEET_SCHEMAS } },
  };
}

function unscoped({ scope: _, ...operation }: Operation): Omit<Operation, 'scope'> {
  return operation;
}
