// The pieces that the description of the API is made of.

import { ref, type Schema } from './openapi-schemas.ts';

/** One operation as it is written down. `scope`: what its token must have; if it is missing, read for what only reads, else append. */
export interface Operation { summary: string; description?: string; scope?: 'read' | 'append' | 'admin'; parameters?: Schema[]; requestBody?: Schema; responses: { [status: string]: Schema }; security?: [] }

/** An answer in JSON. */
export const answer = (description: string, name: string): Schema => ({ description, content: { 'application/json': { schema: ref(name) } } });
/** A list in JSON, or as a table. */
export const tables = (description: string, name: string): Schema => ({
  description, headers: { 'Next-Cursor': { description: 'Of a page that is a table: the cursor of the next one, percent-encoded.', schema: { type: 'string' } } },
  content: { 'application/json': { schema: ref(name) }, 'text/csv': { schema: { type: 'string' } }, 'application/x-ndjson': { schema: { type: 'string', description: 'A row on each line.' } } },
});
/** Anything else. */
export const plain = (description: string, type: string): Schema => ({ description, content: { [type]: { schema: { type: 'string' } } } });
/** A parameter behind the question mark. */
export const query = (name: string, description: string, schema: Schema = { type: 'string' }): Schema => ({ name, in: 'query', description, schema });
/** A part of the path. */
export const path = (name: string, description: string): Schema => ({ name, in: 'path', required: true, description, schema: { type: 'string' } });
/** A body of JSON. */
export const body = (schema: Schema): Schema => ({ required: true, content: { 'application/json': { schema } } });

/** What most operations can answer besides. */
export const REFUSED = { 400: answer('What was asked for makes no sense; the words say why.', 'Error') };
/** What those can answer of which only so many are done at a time. */
export const BUSY = { 503: answer('The node is busy or stopping; try again.', 'Error') };
