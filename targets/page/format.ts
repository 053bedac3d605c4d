// How numbers, times and bodies of events are written on the page.

/** Groups of three digits, with thin spaces. */
export function grouped(value: number): string {
  return Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, '\u2009');
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
  return time > now + 5_000 ? new Date(time).toISOString().slice(0, 19).replace('T', ' ') : now - time < 2_000 ? 'now' : `${span(now - time)} ago`;
}

/** The time of day, in the zone of whoever looks. */
export function clock(time: number): string {
  const at = new Date(time), two = (n: number): string => String(n).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** Events a second, readable from one a day to many thousands. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '–';
  if (perSecond >= 100) return `${grouped(perSecond)}/s`;
  if (perSecond >= 0.95) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 0.95) return `${(perSecond * 60).toFixed(1)}/min`;
  return `${(perSecond * 3600).toFixed(1)}/h`;
}

/** A body in one line: the names and values of its fields; nested ones as JSON, and all of it cut at `most` characters. */
export function summary(body: unknown, most = 160): string {
  const one = (value: unknown): string => typeof value === 'string' ? value : typeof value === 'number' ? String(Number(value.toPrecision(7))) : JSON.stringify(value) ?? 'nothing';
  const text = body !== null && typeof body === 'object' && !Array.isArray(body) ? Object.entries(body).map(([name, value]) => `${name} ${one(value)}`).join(' · ') : one(body);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
