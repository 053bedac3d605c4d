// NMEA 0183: real traces and one of our own, checksums, groups, times, moments joined, AIS, and hostile lines.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../src/fault.ts';
import type { Reading } from '../../targets/program/input.ts';
import { openLines } from '../../targets/program/input-lines.ts';
import { nmeaDecoder } from '../../targets/program/input-nmea.ts';

const test = suite('nmea');

/** The body of a sentence with its mark and checksum. */
function sentence(body: string): string {
  let sum = 0;
  for (const c of body) sum ^= c.charCodeAt(0);
  return `${body.startsWith('AI') ? '!' : '$'}${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}`;
}

interface Heard { readings: Reading[]; refused: { code: string; reason: string; raw: string }[] }

/** Decodes lines that come `gap` milliseconds apart. */
function hear(lines: string[], options: { [name: string]: unknown } = {}, gap = 10): Heard {
  const heard: Heard = { readings: [], refused: [] };
  const refuse = (code: string, reason: string, raw: string | Uint8Array) => void heard.refused.push({ code, reason, raw: String(raw) });
  const decoder = nmeaDecoder(options);
  let now = 1_000;
  for (const line of lines) {
    now += gap;
    if (decoder.due !== undefined && decoder.due <= now) heard.readings.push(...decoder.expire!(now, refuse));
    try {
      heard.readings.push(...decoder.decode(line, now, refuse));
    } catch (error) {
      refuse(codeOf(error), (error as Error).message, line);
    }
  }
  heard.readings.push(...decoder.expire!(Infinity, refuse));
  assert.is(decoder.due, undefined);
  return heard;
}

const values = (bodies: string[], options?: { [name: string]: unknown }, gap?: number): unknown[] => hear(bodies.map(sentence), options, gap).readings.map(({ value }) => value);

/** Two seconds of a ship's receiver and instruments, off Lisbon, shortly before midnight. */
const SHIP = [
  'GNGGA,235958.00,3841.50000,N,00925.20000,W,1,11,0.8,12.4,M,50.1,M,,', 'GNRMC,235958.00,A,3841.50000,N,00925.20000,W,6.20,271.5,311226,2.1,W,A,V', 'GNVTG,271.5,T,273.6,M,6.20,N,11.48,K,A',
  'GNGSA,A,3,05,12,25,,,,,,,,,,1.5,0.8,1.2,1', 'GPGSV,2,1,05,05,45,120,40,12,30,200,38,25,60,310,44,29,05,010,,1', 'GPGSV,2,2,05,31,12,080,22,1',
  'SDDPT,12.4,0.5,100.0', 'SDDBT,40.7,f,12.4,M,6.8,F', 'WIMWV,045.0,R,15.2,N,A', 'HEHDT,272.1,T', 'YXMTW,17.3,C', 'WIXDR,P,1.0132,B,BARO,C,18.4,C,,H,71.0,P,HUM', 'TIROT,-2.5,A',
  'GNGGA,235959.50,3841.50100,N,00925.20500,W,1,11,0.8,12.5,M,50.1,M,,', 'GNGGA,000000.50,3841.50200,N,00925.21000,W,1,11,0.8,12.5,M,50.1,M,,', 'GNZDA,000000.50,01,01,2027,00,00',
];

test('a ship: each sentence a reading, with units in the names, and the times of the receiver across midnight and new year', () => {
  const { readings, refused } = hear(SHIP.map(sentence));
  assert.equal(refused, []);
  assert.equal(readings.map(({ names, value, time }) => [`${names!['talker']}${names!['sentence']}`, value, time === undefined ? '' : new Date(time).toISOString()]), [
    ['GNGGA', { latitude_deg: 38.6916667, longitude_deg: -9.42, quality: 1, satellites_used: 11, hdop: 0.8, altitude_m: 12.4, geoid_separation_m: 50.1, utc: '23:59:58.000' }, ''],
    ['GNRMC', { valid: true, latitude_deg: 38.6916667, longitude_deg: -9.42, speed_kn: 6.2, course_true_deg: 271.5, magnetic_variation_deg: -2.1, mode: 'A', navigation_status: 'V' }, '2026-12-31T23:59:58.000Z'],
    ['GNVTG', { course_true_deg: 271.5, course_magnetic_deg: 273.6, speed_kn: 6.2, speed_kmh: 11.48, mode: 'A' }, '2026-12-31T23:59:58.000Z'],
    ['GNGSA', { selection: 'A', fix: 3, satellites: [5, 12, 25], pdop: 1.5, hdop: 0.8, vdop: 1.2, system: '1' }, '2026-12-31T23:59:58.000Z'],
    ['GPGSV', { satellites_in_view: 5, signal: '1', satellites: [
      { satellite: 5, elevation_deg: 45, azimuth_deg: 120, snr_db: 40 }, { satellite: 12, elevation_deg: 30, azimuth_deg: 200, snr_db: 38 }, { satellite: 25, elevation_deg: 60, azimuth_deg: 310, snr_db: 44 },
      { satellite: 29, elevation_deg: 5, azimuth_deg: 10 }, { satellite: 31, elevation_deg: 12, azimuth_deg: 80, snr_db: 22 },
    ] }, '2026-12-31T23:59:58.000Z'],
    ['SDDPT', { depth_m: 12.4, offset_m: 0.5, range_m: 100 }, ''],
    ['SDDBT', { depth_m: 12.4 }, ''],
    ['WIMWV', { wind_angle_deg: 45, reference: 'relative', wind_speed_kn: 15.2, valid: true }, ''],
    ['HEHDT', { heading_true_deg: 272.1 }, ''],
    ['YXMTW', { water_temperature_c: 17.3 }, ''],
    ['WIXDR', { BARO_bar: 1.0132, temperature_c: 18.4, HUM_percent: 71 }, ''],
    ['TIROT', { turn_deg_per_min: -2.5, valid: true }, ''],
    ['GNGGA', { latitude_deg: 38.6916833, longitude_deg: -9.4200833, quality: 1, satellites_used: 11, hdop: 0.8, altitude_m: 12.5, geoid_separation_m: 50.1 }, '2026-12-31T23:59:59.500Z'],
    ['GNGGA', { latitude_deg: 38.6917, longitude_deg: -9.4201667, quality: 1, satellites_used: 11, hdop: 0.8, altitude_m: 12.5, geoid_separation_m: 50.1 }, '2027-01-01T00:00:00.500Z'],
    ['GNZDA', { zone_hours: 0, zone_minutes: 0, utc: '2027-01-01T00:00:00.500Z' }, '2027-01-01T00:00:00.500Z'],
  ]);
});

test('what a receiver says of one moment, joined to one reading', () => {
  const { readings } = hear(SHIP.map(sentence), { join: true });
  assert.equal(readings.map(({ names }) => names!['sentence']), ['GSV', 'DPT', 'DBT', 'MWV', 'MTW', 'XDR', 'ROT', 'FIX', 'FIX', 'ZDA', 'FIX']);
  const [first, second, third] = readings.filter(({ names }) => names!['sentence'] === 'FIX');
  assert.equal([first, second, third].map((each) => new Date(each!.time!).toISOString()), ['2026-12-31T23:59:58.000Z', '2026-12-31T23:59:59.500Z', '2027-01-01T00:00:00.500Z']);
  assert.equal(first!.value, {
    latitude_deg: 38.6916667, longitude_deg: -9.42, quality: 1, satellites_used: 11, hdop: 0.8, altitude_m: 12.4, geoid_separation_m: 50.1, valid: true, speed_kn: 6.2, course_true_deg: 271.5, magnetic_variation_deg: -2.1,
    mode: 'A', navigation_status: 'V', course_magnetic_deg: 273.6, speed_kmh: 11.48, selection: 'A', fix: 3, pdop: 1.5, vdop: 1.2, heading_true_deg: 272.1,
  });
  assert.is(String(first!.raw).split('\n').length, 5);
  assert.is(hear(SHIP.slice(0, 1).map((body) => sentence(body)), { join: true }).readings.length, 1, 'the last one comes out when nothing follows');
});

test('only the sentences that are wanted, with the time that the others tell', () => {
  const { readings } = hear(SHIP.map(sentence), { sentences: ['VTG', 'GPGSV', 'GPRMC'] });
  assert.equal(readings.map(({ names, time }) => [names!['sentence'], time]), [['VTG', Date.UTC(2026, 11, 31, 23, 59, 58)], ['GSV', Date.UTC(2026, 11, 31, 23, 59, 58)]]);
});

test('times are told only where they can be believed', () => {
  const time = (...bodies: string[]) => hear(bodies.map(sentence)).readings.at(-1)?.time;
  const rmc = (status: string, clock: string, date: string) => `GPRMC,${clock},${status},,,,,,,${date},,,N`;
  assert.is(time(rmc('A', '120000.5', '290224')), Date.UTC(2024, 1, 29, 12, 0, 0, 500));
  assert.is(time(rmc('A', '235960', '311216')), Date.UTC(2017, 0, 1), 'a leap second');
  assert.is(time(rmc('V', '120000', '290224')), undefined, 'a receiver without a fix');
  assert.is(time(rmc('A', '120000', '060180')), undefined, 'the day on which GPS began');
  assert.is(time(rmc('A', '120000', ''), 'GPGLL,,,,,120001,A,A'), undefined, 'no date');
  assert.is(time(rmc('A', '120000', '290224'), rmc('V', '120001', '290224'), 'GPGLL,,,,,120001,V,N'), undefined, 'the fix was lost');
  assert.is(time(rmc('A', '120000', '290224'), 'GPGLL,,,,,120001,A,A'), Date.UTC(2024, 1, 29, 12, 0, 1));
  assert.is(hear([rmc('A', '120000', '290224'), 'GPGLL,,,,,120001,A,A'].map(sentence), {}, 20_000).readings[1]!.time, undefined, 'a date that was told long ago');
  assert.is(hear([rmc('A', '120000', '290224'), 'GPVTG,1,T,,M,,N,,K,A'].map(sentence), {}, 1_500).readings[1]!.time, undefined, 'a burst that is over');
  for (const [clock, date] of [['250000', '290224'], ['126000', '290224'], ['12000', '290224'], ['120000', '300224'], ['120000', '001324'], ['120000', '29022024'], ['120000', '-10224']]) {
    assert.is(hear([sentence(rmc('A', clock!, date!))]).refused[0]?.code, 'bad-value', `${clock} ${date}`);
  }
});

test('checksums', () => {
  const good = sentence('GPHDT,10.0,T');
  assert.is(hear([good, good.toLowerCase().replace('$gphdt,10.0,t', '$GPHDT,10.0,T'), `${good}\r`, ` ${good}  `]).readings.length, 4);
  const reason = (line: string, options?: { [name: string]: unknown }) => hear([line], options).refused[0]?.reason;
  assert.is(reason(good.replace('10.0', '11.0')), 'the sentence has checksum 04, but its characters give 05');
  assert.is(reason('$GPHDT,10.0,T'), 'the sentence has no checksum');
  assert.is(reason('$GPHDT,10.0,T', { checksum: 'optional' }), undefined);
  assert.match(reason('$GPHDT,10.0,T*00', { checksum: 'optional' })!, /^the sentence has checksum/);
  assert.match(reason(`${good}0`)!, /two digits/);
  assert.match(reason(good.slice(1))!, /^the line does not begin/);
  assert.match(reason(good.slice(0, -1))!, /two digits/);
  assert.match(reason(sentence('GPHDT,1ä,T'))!, /printable ASCII/);
  assert.match(reason(sentence(`GPHDT,${'1'.repeat(1_100)},T`))!, /longer than 1024/);
  assert.match(reason(sentence('gphdt,1,T'))!, /no talker/);
});

test('other sentences keep their fields, those that say nothing are none, and values that cannot be are refused', () => {
  assert.equal(values(['GPAAM,A,A,0.10,N,WPTNME', 'PUBX,40,GLL,1', 'GPTXT,01,01,02,ANTSTATUS=OK^2C ^58']), [{ fields: ['A', 'A', '0.10', 'N', 'WPTNME'] }, { fields: ['40', 'GLL', '1'] }, { parts: 1, part: 1, identifier: '02', text: 'ANTSTATUS=OK, X' }]);
  assert.equal(hear([sentence('PUBX,40')]).readings[0]!.names, { talker: 'P', sentence: 'PUBX' });
  assert.equal(values(['SDDPT,,,', 'HEHDT,,T', 'GPconstructor,1'.toUpperCase()]), [{ fields: ['1'] }]);
  assert.equal(values(['GPGLL,,,,,,V,N', 'WIXDR,C,022.0,C,,', 'IIXDR,A,1,D,__proto__,A,2,D,__proto__', 'SDDBT,10.0,f,,M,,F']).map((value) => JSON.stringify(value)), ['{"valid":false,"mode":"N"}', '{"temperature_c":22}', '{"__proto___deg":1,"__proto___deg_2":2}', '{"depth_ft":10}']);
  const bad = [
    'GPGLL,9100.00,N,00000.00,E,,A', 'GPGLL,4560.00,N,00000.00,E,,A', 'GPGLL,4500.00,X,00000.00,E,,A', 'GPGLL,4500.00,,00000.00,E,,A', 'GPGLL,4500.00,N,18000.01,E,,A', 'GPGLL,1e3,N,00000.00,E,,A', 'GPHDT,361,T', 'GPHDT,nan,T', 'GPHDT,1e2,T', 'GPHDT,0x10,T',
    'GPHDT,--1,T', 'GPGGA,,,,,,9,,,,M,,M,,', 'WIMWV,1,R,2,Q,A', 'WIMWV,1,Q,2,N,A', 'GPROT,1,B', 'WIXDR,C,1,C', 'GPGSV,0,1,0', 'GPGSV,1,2,0', 'GPGSV,99,1,0', 'GPGSV,1,1,x', 'GPGSV,1.5,1,0', 'HCHDG,1,2,Q,3,E',
  ];
  for (const body of bad) {
    const { readings, refused } = hear([sentence(body)]);
    assert.equal([readings.length, refused.length], [0, 1], body);
    assert.ok(['bad-value', 'bad-encoding'].includes(refused[0]!.code) && refused[0]!.reason.length > 5, `${body}: ${refused[0]!.reason}`);
  }
});

test('groups: parts out of order, missing, repeated, too many at once, and never ended', () => {
  const part = (total: number, n: number, signal = 1) => sentence(`GPGSV,${total},${n},04,0${n},10,020,30,${signal}`);
  const count = (lines: string[], gap?: number) => {
    const { readings, refused } = hear(lines, {}, gap);
    return [readings.length, refused.length];
  };
  assert.equal(count([part(3, 1), part(3, 2), part(3, 3)]), [1, 0]);
  assert.equal(count([part(2, 2), part(2, 1), part(2, 2)]), [1, 1]);
  assert.equal(count([part(3, 1), part(3, 3), part(3, 1), part(3, 2), part(3, 3)]), [1, 2], 'what was begun, and the part that does not follow');
  assert.equal(count([part(2, 1), part(2, 1), part(2, 2)]), [1, 1]);
  assert.equal(count([part(2, 1), part(2, 1, 6), part(2, 2), part(2, 2, 6)]), [2, 0], 'two signals between each other');
  assert.equal(count([part(2, 1), part(2, 2)], 6_000), [0, 2], 'the second part came too late');
  assert.equal(count(Array.from({ length: 200 }, (_, i) => part(2, 1, i + 10)), 1), [0, 200]);
  const { refused } = hear([part(3, 1), part(3, 2)]);
  assert.match(refused[0]!.reason, /^2 of 3 parts, then no more/);
  assert.is(refused[0]!.raw, `${part(3, 1)}\n${part(3, 2)}`);
});

test('AIS: groups by their number and channel, who speaks and where they are', () => {
  const lines = [
    '!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E', '!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C', '!AIVDM,2,2,3,B,1@0000000000000,2*55',
    `\\s:station-7,c:1671620143\\${sentence('AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0')}`,
  ];
  const { readings, refused } = hear(lines);
  assert.equal(refused, []);
  assert.equal(readings.map(({ names }) => names), [
    { talker: 'AI', sentence: 'VDM', mmsi: '477553000', message: '1' }, { talker: 'AI', sentence: 'VDM', mmsi: '369190000', message: '5' }, { talker: 'AI', sentence: 'VDM', source: 'station-7', mmsi: '265547250', message: '1' },
  ]);
  assert.equal(readings[0]!.value, {
    message: 1, mmsi: '477553000', channel: 'B', navigation_status: 5, speed_kn: 0, latitude_deg: 47.582833, longitude_deg: -122.345833, course_true_deg: 51, heading_true_deg: 181, payload: '177KQJ5000G?tO`K>RA1wUbN0TKH', fill_bits: 0,
  });
  const { name, call_sign, destination, draught_m } = readings[1]!.value as { [name: string]: unknown };
  assert.equal([name, call_sign, destination, draught_m], ['MT.MITCHELL', 'WDA9674', 'SEATTLE', 6]);
  assert.is(readings[2]!.time, 1_671_620_143_000);
  for (const body of ['AIVDM,1,1,,A,,0', 'AIVDM,1,1,,A,1,0', 'AIVDM,1,1,,A,177KQJ5Xx{|},0', 'AIVDM,1,1,,A,177KQJ5000G,9', `AIVDM,1,1,,A,${'1'.repeat(600)},0`, 'AIVDM', 'AIVDM,1']) assert.is(hear([sentence(body)]).refused.length, 1, body);
});

test('nothing throws, whatever a sentence with a right checksum says', () => {
  const kinds = ['GPRMC', 'GPGGA', 'GPGLL', 'GPGSA', 'GPGSV', 'GPVTG', 'GPZDA', 'GPGBS', 'GPGST', 'GPGNS', 'WIXDR', 'WIMWV', 'WIMDA', 'SDDBT', 'SDDPT', 'HCHDG', 'AIVDM', 'PUBX', 'GPXTE', 'GPTXT'];
  const field = fc.oneof(fc.constantFrom('', 'A', 'V', 'N', 'E', '0', '1', '2', '120000', '120000.00', '311226', '4530.5', '-1', '99999999999999999999', '1.', '.5'), fc.string({ maxLength: 8 }));
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(...kinds), fc.array(field, { maxLength: 22 })), { maxLength: 30 }), fc.boolean(), (bodies, joined) => {
    const { readings, refused } = hear(bodies.map(([kind, fields]) => sentence([kind, ...fields].join(',').replace(/[*\\]/g, ''))), { join: joined });
    for (const { code, reason } of refused) assert.ok(['bad-value', 'bad-encoding', 'too-large'].includes(code), `${code}: ${reason}`);
    for (const { value, time } of readings) assert.ok(Object.keys(value as object).length > 0 && (time === undefined || Number.isSafeInteger(time)));
  }), { numRuns: 400 });
});

test('a moment that nothing follows comes out by itself', async () => {
  const readings: Reading[] = [];
  const lines = openLines({ format: 'nmea', join: true }, {
    accept: (reading) => Promise.resolve(void readings.push(reading)), refuse: () => {}, state: () => {}, signal: new AbortController().signal,
  });
  await lines.push(Buffer.from(`# a remark\r\n${sentence(SHIP[1]!)}\r\n`));
  assert.is(readings.length, 0);
  for (let i = 0; i < 1_000 && readings.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(readings.map(({ names }) => names), [{ talker: 'GN', sentence: 'FIX' }]);
});

// Traces of receivers, where somebody put them; they are not part of the repository.
const traces = '../shared/data';
const logs = existsSync(traces) ? readdirSync(traces).filter((name) => name.endsWith('.log')) : [];
if (logs.length === 0) console.log('skipped: no traces of NMEA receivers in ../shared/data');
(logs.length > 0 ? test : test.skip)('traces of real receivers', async () => {
  for (const name of logs) {
    const bytes = readFileSync(join(traces, name));
    const refused: string[] = [], readings: Reading[] = [];
    const lines = openLines({ format: 'nmea' }, {
      accept: (reading) => Promise.resolve(void readings.push(reading)), refuse: (_, reason, raw) => void refused.push(`${reason}: ${String(raw)}`), state: () => {}, signal: new AbortController().signal,
    });
    for (let at = 0; at < bytes.length; at += 700) await lines.push(bytes.subarray(at, at + 700));
    await lines.end();
    assert.equal(refused, [], name);
    const text = bytes.toString('latin1');
    const groups = [...text.matchAll(/^\$..GSV,(\d+),(\d+),/gm)].filter((each) => Number(each[1]) === Number(each[2])).length;
    assert.is(readings.length, text.match(/^\$..(?!GSV)\S+/gm)!.length + groups, name);
    for (const { names, value } of readings) {
      if (!['GGA', 'RMC'].includes(names!['sentence']!)) continue;
      const { latitude_deg: latitude, longitude_deg: longitude } = value as { latitude_deg: number; longitude_deg: number };
      assert.ok(name.startsWith('ublox') ? Math.abs(latitude + 45.8775) < 0.001 && Math.abs(longitude - 170.5) < 0.001 : Math.abs(latitude - 41.575) < 0.001 && Math.abs(longitude + 93.7505) < 0.001, `${name}: ${latitude} ${longitude}`);
    }
  }
});

test.run();
