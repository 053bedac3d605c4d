// The URL of a folder or stick as a link, file:/media/usb.

import { Fault } from '../../src/fault.ts';

/** A place for bundles. `for`: whom they are for, as written; `plain`: an ordinary folder, nothing has to be mounted there; `tidy`: own volumes that everybody has are removed. */
export interface FilePlace { path: string; for: string[]; plain: boolean; tidy: boolean }

/** Reads file:/PATH?for=NODE&plain=1&tidy=1. Fault `bad-url` with what is wrong. */
export function parseFileUrl(url: string): FilePlace {
  const wrong = (why: string): never => { throw new Fault('bad-url', `${url}: ${why}. A stick or folder is written file:/media/usb`); };
  const [, path = '', query = ''] = /^file:(?:\/\/(?=\/))?(\/[^/?#][^?#]*)(?:\?([^#]*))?$/i.exec(url) ?? wrong('a whole path must follow, beginning with one slash');
  const place: FilePlace = { path: decoded(path).replace(/\/+$/, ''), for: [], plain: false, tidy: false };
  for (const [name, value] of new URLSearchParams(query)) {
    if (name === 'for') place.for.push(...value.split(',').filter((each) => each.trim() !== ''));
    else if ((name === 'plain' || name === 'tidy') && /^[01]$/.test(value)) place[name] = value === '1';
    else wrong(`${name}=${value}: there are for=NODE, plain=1 and tidy=1`);
  }
  return place;
}

/** A path may be written with % where a URL wants it; one that only looks so is meant as it stands. */
function decoded(path: string): string {
  try { return decodeURIComponent(path); } catch { return path; }
}
