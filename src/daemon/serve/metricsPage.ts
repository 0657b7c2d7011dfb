/** The metrics page: Prometheus text format 0.0.4, units in names as its conventions ask (seconds). */
import type { DoorState } from '../../api/client.js';
import type { DaemonState, RecorderState, TimingState } from '../../contract/apiState.js';
import type { CameraHealth } from '../../contract/camera.js';
import type { ServoHealth } from '../../contract/servoHealth.js';

type Labels = Readonly<Record<string, string>>;
type Row = readonly [Labels, number];

const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;

/** As the format writes what is no ordinary number. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

class Page {
  text = '';

  add(name: string, kind: 'gauge' | 'counter', help: string, ...rows: readonly Row[]): void {
    this.text += `# HELP alohad_${name} ${help}\n# TYPE alohad_${name} ${kind}\n`;
    for (const [labels, value] of rows) {
      const inside = Object.entries(labels)
        .map(([key, text]) => `${key}=${quoted(text)}`)
        .join(',');
      this.text += `alohad_${name}${inside === '' ? '' : `{${inside}}`} ${numberText(value)}\n`;
    }
  }

  timing(name: string, help: string, { count, p50Ms, p99Ms, maxMs }: TimingState): void {
    this.add(
      `${name}_seconds`,
      'gauge',
      help,
      [{ quantile: '0.5' }, p50Ms / 1000],
      [{ quantile: '0.99' }, p99Ms / 1000],
      [{ quantile: '1' }, maxMs / 1000],
    );
    this.add(`${name}_count`, 'counter', `${help}: how many`, [{}, count]);
  }
}

/** @param doors by which people and programs look at the daemon */
export function metricsPage(state: DaemonState, doors: Readonly<Record<string, DoorState>>): string {
  const page = new Page();
  const { loop, children, run, servos, webcams } = state;
  page.add('info', 'gauge', 'What runs', [
    {
      software: state.software,
      backend: state.backend,
      task: state.task,
      mode: state.mode,
      arms: state.arms,
    },
    1,
  ]);
  page.add('emergency_stop', 'gauge', 'Whether the emergency stop is on', [{}, state.emergencyStop ? 1 : 0]);
  page.add('ticks_total', 'counter', 'Ticks of the control loop', [{}, loop.ticks]);
  page.add('missed_ticks_total', 'counter', 'Deadlines without a tick of their own', [{}, loop.missed]);
  page.timing('tick_late', 'How late ticks begin', loop.late);
  page.timing('tick_busy', 'Work of a tick', loop.busy);
  page.timing('inference_latency', 'From observation to action chunk', loop.latency);
  page.timing('emergency_stop_latency', 'From request to arms holding', loop.stopping);
  page.add(
    'child_up',
    'gauge',
    'Whether a part of the process tree runs',
    ...children.map((child) => [{ child: child.name }, child.state === 'running' ? 1 : 0] as const),
  );
  page.add(
    'child_deaths_total',
    'counter',
    'Deaths of a part of the process tree',
    ...children.map((child) => [{ child: child.name }, child.deaths] as const),
  );
  page.add('run_episodes', 'gauge', 'Episodes of the present or last run', [{}, run?.done ?? 0]);
  page.add('run_judged', 'gauge', 'Episodes of that run with a verdict', [{}, run?.judged ?? 0]);
  page.add('run_successes', 'gauge', 'Successes of the present or last run', [{}, run?.successes ?? 0]);
  addCameras(page, webcams);
  addRecorder(page, loop.recorder);
  addServos(page, servos);
  const ofDoors = (value: (door: DoorState) => number): Row[] =>
    Object.entries(doors).map(([door, keeping]) => [{ door }, value(keeping)]);
  page.add('clients', 'gauge', 'Connected clients', ...ofDoors(({ clients }) => clients));
  page.add(
    'dropped_frames_total',
    'counter',
    'Frames not sent as a link was too slow',
    ...ofDoors(({ dropped }) => dropped),
  );
  page.add('viewer_queue_bytes', 'gauge', 'Bytes that wait to leave', ...ofDoors(({ backlog }) => backlog));
  return page.text;
}

function addCameras(page: Page, webcams: readonly CameraHealth[]): void {
  page.add(
    'camera_live',
    'gauge',
    'Whether a camera sends pictures that can be used',
    ...webcams.map(({ camera, state: how }) => [{ camera }, how === 'live' ? 1 : 0] as const),
  );
  page.add(
    'camera_age_seconds',
    'gauge',
    'Age of the newest picture',
    ...webcams.flatMap(({ camera, ageMs }) => (ageMs === null ? [] : [[{ camera }, ageMs / 1000] as const])),
  );
  page.add(
    'camera_damaged_total',
    'counter',
    'Pictures that came damaged',
    ...webcams.map(({ camera, damaged }) => [{ camera }, damaged] as const),
  );
  page.add(
    'camera_interruptions_total',
    'counter',
    'How often a camera was lost',
    ...webcams.map(({ camera, interruptions }) => [{ camera }, interruptions] as const),
  );
}

/** Nothing waits where nothing is recorded. */
function addRecorder(page: Page, recorder: RecorderState | null): void {
  const { waiting, capacity, dropped } = recorder ?? {
    waiting: 0,
    capacity: 0,
    dropped: { steps: 0, images: 0 },
  };
  page.add('recorder_queue_steps', 'gauge', 'Steps on their way to the disk', [{}, waiting]);
  page.add('recorder_queue_capacity_steps', 'gauge', 'Steps that fit into the queue', [{}, capacity]);
  page.add(
    'recorder_dropped',
    'gauge',
    'What did not fit during the episode in progress',
    [{ what: 'steps' }, dropped.steps],
    [{ what: 'images' }, dropped.images],
  );
}

function addServos(page: Page, servos: readonly ServoHealth[]): void {
  const rows = (value: (servo: ServoHealth) => number | null): Row[] =>
    servos.flatMap((servo) => {
      const read = value(servo);
      return read === null ? [] : [[labelsOf(servo), read] as const];
    });
  page.add('servo_temperature_celsius', 'gauge', 'Inside a servo', ...rows((servo) => servo.temperatureC));
  page.add('servo_voltage_volts', 'gauge', 'At a servo', ...rows((servo) => servo.voltageV));
  page.add(
    'servo_effort_ratio',
    'gauge',
    'Share of the stall current, signed',
    ...rows(({ effort }) => effort),
  );
  page.add(
    'servo_hardware_error',
    'gauge',
    'Whether a servo reports an error of its own',
    ...rows(({ error }) => (error === '' ? 0 : 1)),
  );
  page.add(
    'bus_errors_total',
    'counter',
    'Since the robot was connected: answers that were late or damaged',
    ...servos.flatMap((servo): Row[] => [
      [{ ...labelsOf(servo), kind: 'timeout' }, servo.timeouts],
      [{ ...labelsOf(servo), kind: 'crc' }, servo.crcErrors],
    ]),
  );
  page.add('bus_retries_total', 'counter', 'Questions asked again', ...rows(({ retries }) => retries));
}

const labelsOf = ({ arm, joint, id }: ServoHealth): Labels => ({ arm, joint, id: String(id) });
