// The URL of a folder or stick as a link, file:/media/usb.

import { Fault } from '../../src/fault.ts';

/** A place for bundles. `for`: whom they are for, as written; `plain`: an ordinary folder, nothing has to be mounted there; `tidy`: own volumes that everybody has are removed. */
export interface FilePlace { path: string; for: string[]; plain: boolean; tidy: boolean }

/** Reads file:/PATH?for=NODE&plain=1&tidy=1. Fault `bad-url` with what is wrong. */
export function parseFileUrl(url: string): FilePlace {
  const wrong = (why: string): never => { throw new Fault('bad-url', `${url}: ${why}. A stick or folder is written file:/media/usb`); };
  let parsed: URL, path: string;
  try {
    parsed = new URL(url);
    path = decodeURIComponent(parsed.pathname);
  } catch {
    return wrong('this is no URL');
  }
  if (parsed.protocol !== 'file:' || !/^file:\//i.test(url)) wrong('the path must be a whole one, beginning with /');
  if (parsed.host !== '') wrong(`there is a host (${parsed.host}) before the path; write one slash or three`);
  if (path === '/' || path.includes('\0')) wrong('there is no folder in it');
  const place: FilePlace = { path: path.replace(/\/+$/, ''), for: [], plain: false, tidy: false };
  for (const [name, value] of parsed.searchParams) {
    if (name === 'for' && value !== '') place.for.push(...value.split(',').map((each) => each.trim()).filter((each) => each !== ''));
    else if ((name === 'plain' || name === 'tidy') && (value === '1' || value === '0')) place[name] = value === '1';
    else wrong(name === 'plain' || name === 'tidy' ? `${name} is ${JSON.stringify(value)}; it must be 1 or 0` : `there is no parameter ${JSON.stringify(name)}; there are for, plain and tidy`);
  }
  return place;
}
