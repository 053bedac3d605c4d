// How numbers, times and bodies of events are written on the page.

/** Groups of three digits, with thin spaces. */
export function grouped(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

/** A count with its noun. */
export function counted(count: number, noun: string, many = `${noun}s`): string {
  return `${grouped(count)}\u00a0${count === 1 ? noun : many}`;
}

/** A count in three digits at most: 12.3k. For where there is little room; the whole number stands beside it or behind it. */
export function short(value: number): string {
  const units = ['', 'k', 'M', 'G'];
  let power = 0;
  while (value >= 999.5 && power < units.length - 1) { value /= 1000; power++; }
  return power === 0 ? String(Math.round(value)) : `${value >= 99.5 ? Math.round(value) : value.toFixed(1)}${units[power]!}`;
}

/** Bytes with three digits and a unit of 1000. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let power = 0;
  while (value >= 999.5 && power < units.length - 1) { value /= 1000; power++; }
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toPrecision(2 + Number(value >= 10))}\u00a0${units[power]!}`;
}

/** A span of milliseconds in its largest unit. */
export function span(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 1.5) return '1\u00a0s';
  if (s < 90) return `${Math.round(s)}\u00a0s`;
  if (s < 5400) return `${Math.round(s / 60)}\u00a0min`;
  if (s < 129_600) return `${Math.round(s / 3600)}\u00a0h`;
  return `${Math.round(s / 86_400)}\u00a0days`;
}

/** A moment as seen from now; what lies ahead of the clock is written in full. */
export function ago(time: number, now: number): string {
  return time > now + 5_000 ? full(time) : now - time < 2_000 ? 'now' : `${span(now - time)} ago`;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** The time of day, in the zone of whoever looks, or UTC. */
export function clock(time: number, utc = false): string {
  const at = new Date(time);
  return utc ? at.toISOString().slice(11, 19) : `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The day, in the zone of whoever looks, or UTC. */
export function day(time: number, utc = false): string {
  const at = new Date(time);
  return utc ? at.toISOString().slice(0, 10) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** A whole moment with its zone. */
export function full(time: number, utc = false): string {
  return `${day(time, utc)} ${clock(time, utc)} ${utc ? 'UTC' : offset(time)}`;
}

/** How far the zone of whoever looks is from UTC at a moment: UTC+02:00. */
export function offset(time: number): string {
  const minutes = -new Date(time).getTimezoneOffset(), size = Math.abs(minutes);
  return minutes === 0 ? 'UTC' : `UTC${minutes < 0 ? '−' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Events a second, readable from one a day to many thousands. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '–';
  if (perSecond >= 100) return `${grouped(perSecond)}/s`;
  if (perSecond >= 0.95) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 0.95) return `${(perSecond * 60).toFixed(1)}/min`;
  return `${(perSecond * 3600).toFixed(1)}/h`;
}

/** A number as it is; of one with a fraction nine digits. */
export function figure(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(9)));
}

/** A value in one line: fields as names and values, what is nested in brackets. */
function plain(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return figure(value);
  if (Array.isArray(value)) return `[${value.map(plain).join(', ')}]`;
  if (value !== null && typeof value === 'object') return `{${Object.entries(value).map(([name, each]) => `${name} ${plain(each)}`).join(', ')}}`;
  return JSON.stringify(value) ?? 'nothing';
}

/** A body in one line: the names and values of its fields, all of it cut at `most` characters. */
export function summary(body: unknown, most = 160): string {
  if (body === undefined) return '';
  const text = body !== null && typeof body === 'object' && !Array.isArray(body) ? Object.entries(body).map(([name, value]) => `${name} ${plain(value)}`).join(' · ') : plain(body);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
