// The fields of the usual NMEA 0183 sentences as named values, with the unit in the name.

import { Fault } from '../../src/fault.ts';

/** Reads some fields of a sentence into a value. Throws Fault `bad-value` for what cannot be. */
type Part = (fields: string[], value: Map<string, unknown>) => void;

/** The number of a field, undefined where it is empty. Fault `bad-value`. */
export function readNumber(written: string | undefined, name: string, least = -Infinity, most = Infinity): number | undefined {
  if (written === undefined || written === '') return undefined;
  const number = /^[+-]?(\d{1,15}(\.\d*)?|\.\d+)$/.test(written) ? Number(written) : NaN;
  if (!(number >= least && number <= most)) throw wrong(name, written);
  return number === 0 ? 0 : number;
}

function wrong(name: string, written: string): Fault {
  return new Fault('bad-value', `${name} is ${JSON.stringify(written.slice(0, 32))}`);
}

function num(at: number, name: string, least?: number, most?: number): Part {
  return (fields, value) => {
    const number = readNumber(fields[at], name, least, most);
    if (number !== undefined) value.set(name, number);
  };
}

function text(at: number, name: string): Part {
  return (fields, value) => {
    const written = fields[at];
    // ^2C stands for a comma and so on.
    if (written !== undefined && written !== '') value.set(name, written.replace(/\^([2-7][0-9A-F])/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))));
  };
}

/** `A` for valid, `V` for void. */
function valid(at: number, name = 'valid'): Part {
  return (fields, value) => {
    const written = fields[at];
    if (written === undefined || written === '') return;
    if (written !== 'A' && written !== 'V') throw wrong(name, written);
    value.set(name, written === 'A');
  };
}

/** A number with the letter of its direction after it: the second one of `letters` makes it negative. */
function signed(at: number, name: string, letters: string, most: number): Part {
  return (fields, value) => {
    const number = readNumber(fields[at], name, -most, most), letter = fields[at + 1] ?? '';
    if (number === undefined) return;
    if (letter.length > 1 || !letters.includes(letter)) throw wrong(`the direction of ${name}`, letter);
    value.set(name, letter !== '' && letter === letters[1] && number !== 0 ? -number : number);
  };
}

/** Degrees and minutes (ddmm.mmmm) with N or S, E or W after them, as degrees with the digits that they are worth. */
function angle(at: number, name: string, letters: string, most: number): Part {
  return (fields, value) => {
    const written = fields[at], letter = fields[at + 1] ?? '';
    if (written === undefined || written === '') return;
    const parts = /^(\d{1,3})(\d\d)(?:\.(\d*))?$/.exec(written);
    const minutes = parts === null ? NaN : Number(`${parts[2]}.${parts[3] ?? ''}`);
    const degrees = parts === null ? NaN : Number(parts[1]) + minutes / 60;
    if (!(minutes < 60) || !(degrees <= most)) throw wrong(name, written);
    if (letter.length !== 1 || !letters.includes(letter)) throw wrong(`the direction of ${name}`, letter);
    const scale = 10 ** Math.min(10, (parts?.[3]?.length ?? 0) + 2);
    const rounded = Math.round(degrees * scale) / scale;
    value.set(name, letter === letters[1] && rounded !== 0 ? -rounded : rounded);
  };
}

const position = (at: number): Part[] => [angle(at, 'latitude_deg', 'NS', 90), angle(at + 2, 'longitude_deg', 'EW', 180)];
const bearing = (at: number, name: string): Part => num(at, name, 0, 360);
const depth: Part[] = [num(2, 'depth_m'), (fields, value) => {
  // Feet and fathoms say the same again.
  if (!value.has('depth_m')) for (const part of [num(0, 'depth_ft'), num(4, 'depth_fathoms')]) part(fields, value);
}];

/** Wind speed with the letter of its unit after it. */
const WIND_UNITS: { [letter: string]: string } = { K: 'kmh', M: 'ms', N: 'kn', S: 'mph' };
const wind: Part = (fields, value) => {
  const unit = WIND_UNITS[fields[3] ?? ''];
  if (unit !== undefined) num(2, `wind_speed_${unit}`, 0)(fields, value);
  else if ((fields[2] ?? '') !== '') throw wrong('the unit of the wind speed', fields[3] ?? '');
};
const windReference: Part = (fields, value) => {
  const written = fields[1] ?? '';
  if (!['R', 'T', ''].includes(written)) throw wrong('the reference of the wind', written);
  if (written !== '') value.set('reference', written === 'R' ? 'relative' : 'true');
};

const satellitesUsed: Part = (fields, value) => {
  const used = fields.slice(2, 14).map((each) => readNumber(each, 'a satellite', 0, 999)).filter((each) => each !== undefined);
  if (fields.length > 2) value.set('satellites', used);
};

/** What an XDR sentence calls its kinds of transducers, where one has no name of its own, and its units. */
const TRANSDUCERS: { [letter: string]: string } = {
  A: 'angle', C: 'temperature', D: 'displacement', F: 'frequency', G: 'generic', H: 'humidity', I: 'current', L: 'salinity', N: 'force', P: 'pressure', R: 'flow', S: 'switch', T: 'tachometer', U: 'voltage', V: 'volume',
};
const TRANSDUCER_UNITS: { [letter: string]: string } = { C: '_c', K: '_k', F: '_f', B: '_bar', D: '_deg', V: '_v', A: '_a', N: '_n', R: '_rpm', L: '_l_per_s', S: '_ppt', I: '_a', l: '_l_per_s' };
const transducers: Part = (all, value) => {
  // Weather stations leave a comma at the end.
  const fields = all.length % 4 === 1 && all.at(-1) === '' ? all.slice(0, -1) : all;
  if (fields.length % 4 !== 0 || fields.length === 0) throw new Fault('bad-encoding', `${fields.length} fields are no whole number of transducers (4 each)`);
  for (let at = 0; at < fields.length; at += 4) {
    const [kind, , unit, id] = fields.slice(at, at + 4) as [string, string, string, string];
    // P, M and H are different units for different things.
    const suffix = unit === 'P' ? (kind === 'H' ? '_percent' : kind === 'P' ? '_pa' : '_percent') : unit === 'M' ? (kind === 'V' ? '_m3' : '_m') : unit === 'H' && kind === 'F' ? '_hz' : TRANSDUCER_UNITS[unit] ?? '';
    const name = `${id === '' ? TRANSDUCERS[kind] ?? 'transducer' : id}${suffix}`;
    const number = readNumber(fields[at + 1], name);
    if (number === undefined) continue;
    let free = name;
    for (let n = 2; value.has(free); n++) free = `${name}_${n}`;
    value.set(free, number);
  }
};

const SENTENCES: { [kind: string]: Part[] } = {
  GGA: [...position(1), num(5, 'quality', 0, 8), num(6, 'satellites_used', 0, 999), num(7, 'hdop', 0), num(8, 'altitude_m'), num(10, 'geoid_separation_m'), num(12, 'differential_age_s', 0), text(13, 'station')],
  RMC: [valid(1), ...position(2), num(6, 'speed_kn', 0), bearing(7, 'course_true_deg'), signed(9, 'magnetic_variation_deg', 'EW', 180), text(11, 'mode'), text(12, 'navigation_status')],
  GLL: [...position(0), valid(5), text(6, 'mode')],
  GNS: [...position(1), text(5, 'mode'), num(6, 'satellites_used', 0, 999), num(7, 'hdop', 0), num(8, 'altitude_m'), num(9, 'geoid_separation_m'), num(10, 'differential_age_s', 0), text(11, 'station'), text(12, 'navigation_status')],
  GSA: [text(0, 'selection'), num(1, 'fix', 0, 3), satellitesUsed, num(14, 'pdop', 0), num(15, 'hdop', 0), num(16, 'vdop', 0), text(17, 'system')],
  GST: [num(1, 'rms_m', 0), num(2, 'major_axis_error_m', 0), num(3, 'minor_axis_error_m', 0), bearing(4, 'orientation_deg'), num(5, 'latitude_error_m', 0), num(6, 'longitude_error_m', 0), num(7, 'altitude_error_m', 0)],
  GBS: [num(1, 'latitude_error_m'), num(2, 'longitude_error_m'), num(3, 'altitude_error_m'), num(4, 'failed_satellite', 0, 999), num(5, 'missed_detection_probability', 0, 1), num(6, 'bias_m'), num(7, 'bias_deviation_m')],
  VTG: [bearing(0, 'course_true_deg'), bearing(2, 'course_magnetic_deg'), num(4, 'speed_kn', 0), num(6, 'speed_kmh', 0), text(8, 'mode')],
  ZDA: [num(4, 'zone_hours', -13, 14), num(5, 'zone_minutes', -59, 59)],
  HDT: [bearing(0, 'heading_true_deg')],
  HDM: [bearing(0, 'heading_magnetic_deg')],
  HDG: [bearing(0, 'heading_magnetic_deg'), signed(1, 'deviation_deg', 'EW', 180), signed(3, 'variation_deg', 'EW', 180)],
  THS: [bearing(0, 'heading_true_deg'), text(1, 'mode')],
  ROT: [num(0, 'turn_deg_per_min'), valid(1)],
  RSA: [num(0, 'rudder_deg'), valid(1), num(2, 'port_rudder_deg'), valid(3, 'port_valid')],
  RPM: [text(0, 'source'), num(1, 'number', 0, 999), num(2, 'speed_rpm'), num(3, 'pitch_percent'), valid(4)],
  VHW: [bearing(0, 'heading_true_deg'), bearing(2, 'heading_magnetic_deg'), num(4, 'water_speed_kn'), num(6, 'water_speed_kmh')],
  VLW: [num(0, 'water_distance_nmi'), num(2, 'water_trip_nmi'), num(4, 'ground_distance_nmi'), num(6, 'ground_trip_nmi')],
  VBW: [num(0, 'water_speed_along_kn'), num(1, 'water_speed_across_kn'), valid(2, 'water_valid'), num(3, 'ground_speed_along_kn'), num(4, 'ground_speed_across_kn'), valid(5, 'ground_valid')],
  VDR: [bearing(0, 'current_set_true_deg'), bearing(2, 'current_set_magnetic_deg'), num(4, 'current_drift_kn')],
  DPT: [num(0, 'depth_m'), num(1, 'offset_m'), num(2, 'range_m')],
  DBT: depth, DBS: depth, DBK: depth,
  MTW: [num(0, 'water_temperature_c')],
  MTA: [num(0, 'air_temperature_c')],
  MDA: [
    num(2, 'pressure_bar', 0), num(4, 'air_temperature_c'), num(6, 'water_temperature_c'), num(8, 'humidity_percent', 0, 100), num(9, 'absolute_humidity_percent', 0), num(10, 'dew_point_c'),
    bearing(12, 'wind_true_deg'), bearing(14, 'wind_magnetic_deg'), num(16, 'wind_speed_kn', 0), num(18, 'wind_speed_ms', 0),
  ],
  MWV: [bearing(0, 'wind_angle_deg'), windReference, wind, valid(4)],
  MWD: [bearing(0, 'wind_true_deg'), bearing(2, 'wind_magnetic_deg'), num(4, 'wind_speed_kn', 0), num(6, 'wind_speed_ms', 0)],
  VWR: [signed(0, 'wind_angle_deg', 'RL', 180), num(2, 'wind_speed_kn', 0), num(4, 'wind_speed_ms', 0), num(6, 'wind_speed_kmh', 0)],
  XTE: [valid(0), valid(1, 'cycle_lock'), signed(2, 'cross_track_nmi', 'RL', 9_999), text(5, 'mode')],
  TXT: [num(0, 'parts', 0, 99), num(1, 'part', 0, 99), text(2, 'identifier'), text(3, 'text')],
  XDR: [transducers],
};

/** What a sentence says: named values where its fields are known, otherwise `fields`, the texts as they stand. Empty where every field is. Fault `bad-value`, `bad-encoding`. */
export function sentenceValue(kind: string, fields: string[]): Map<string, unknown> {
  const value = new Map<string, unknown>();
  const parts = Object.hasOwn(SENTENCES, kind) ? SENTENCES[kind]! : undefined;
  if (parts === undefined) value.set('fields', fields);
  else for (const part of parts) part(fields, value);
  return value;
}
