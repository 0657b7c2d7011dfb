/** The metrics page against the grammar of Prometheus' text format 0.0.4. */
import { describe, expect, it } from 'vitest';
import { metricsPage } from '#alohad/daemon/serve/metricsPage.js';
import { IDLE_STATE } from '../api/fakeDaemon.js';

const QUIET = { clients: 0, dropped: 0, backlog: 0 };
const SERVO = {
  arm: 'follower_left',
  id: 3,
  joint: 'shoulder_shadow',
  temperatureC: 41,
  voltageV: 11.9,
  effort: null,
  error: 'overload',
  timeouts: 2,
  crcErrors: 1,
  retries: 4,
};

interface Series {
  readonly name: string;
  readonly labels: string;
  readonly value: string;
}

/** Throws on a line that the format does not know, a metric that is described twice or late, and a series told twice. */
function parse(text: string): Series[] {
  expect(text.endsWith('\n')).toBe(true);
  const described = new Map<string, string>();
  const told = new Set<string>();
  const series: Series[] = [];
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) \S.*$/.exec(line)?.[1];
    const [, typed, type] =
      /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line) ?? [];
    if (help !== undefined) {
      if (described.has(help)) throw new Error(`${help} is described twice`);
      described.set(help, '');
      continue;
    }
    if (typed !== undefined) {
      if (described.get(typed) !== '') throw new Error(`the type of ${typed} is out of place`);
      described.set(typed, type!);
      continue;
    }
    const [, name, labels = '', value] =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)+\})? (-?\d[\d.e+-]*|[+-]Inf|NaN)$/.exec(
        line,
      ) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not of the format: ${line}`);
    if (!described.get(name)) throw new Error(`${name} has no type before it`);
    if (told.has(name + labels)) throw new Error(`${name}${labels} is told twice`);
    told.add(name + labels);
    series.push({ name, labels, value });
  }
  return series;
}

const value = (text: string, name: string, label = ''): string | undefined =>
  parse(text).find((one) => one.name === `alohad_${name}` && one.labels.includes(label))?.value;

describe('the metrics page', () => {
  it('is of the format with nothing connected and with everything', () => {
    expect(parse(metricsPage(IDLE_STATE, {})).length).toBeGreaterThan(20);
    const state = { ...IDLE_STATE, line: 'a "quoted"\nline', task: 'insertion', rig: 'back\\slash' } as const;
    parse(metricsPage({ ...state, servos: [SERVO, { ...SERVO, id: 4 }] }, { a: QUIET, b: QUIET }));
  });

  it('tells of servos and buses, leaving out what was not read', () => {
    const text = metricsPage({ ...IDLE_STATE, servos: [SERVO] }, {});
    expect(value(text, 'servo_temperature_celsius', 'joint="shoulder_shadow"')).toBe('41');
    expect(value(text, 'servo_hardware_error')).toBe('1');
    expect(value(text, 'servo_effort_ratio')).toBeUndefined();
    expect(value(text, 'bus_errors_total', 'kind="timeout"')).toBe('2');
    expect(value(text, 'bus_errors_total', 'kind="crc"')).toBe('1');
    expect(value(text, 'bus_retries_total', 'arm="follower_left"')).toBe('4');
  });

  it('tells how old pictures are, how full queues are, and how long inference takes', () => {
    const loop = {
      ...IDLE_STATE.loop,
      latency: { count: 9, p50Ms: 5, p99Ms: 8, maxMs: 12 },
      recorder: { waiting: 3, capacity: 100, dropped: { steps: 1, images: 2 } },
    };
    const doors = { 'control API': { clients: 2, dropped: 5, backlog: 70_000 }, Foxglove: QUIET };
    const webcam = { message: '', frames: 9, damaged: 2, interruptions: 1 };
    const webcams = [
      { ...webcam, camera: 'cam_high', state: 'live', ageMs: 21 },
      { ...webcam, camera: 'cam_low', state: 'starting', ageMs: null },
    ] as const;
    const text = metricsPage({ ...IDLE_STATE, loop, webcams }, doors);
    expect(value(text, 'camera_age_seconds', 'cam_high')).toBe('0.021');
    expect(value(text, 'camera_age_seconds', 'cam_low')).toBeUndefined();
    expect(value(text, 'camera_live', 'cam_low')).toBe('0');
    expect(value(text, 'camera_damaged_total', 'cam_high')).toBe('2');
    expect(value(text, 'recorder_queue_steps')).toBe('3');
    expect(value(text, 'recorder_dropped', 'images')).toBe('2');
    expect(value(text, 'inference_latency_seconds', '0.99')).toBe('0.008');
    expect(value(text, 'viewer_queue_bytes', 'control API')).toBe('70000');
    expect(value(text, 'dropped_frames_total', 'Foxglove')).toBe('0');
  });
});
