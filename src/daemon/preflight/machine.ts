/** Findings about the computer: processors, clock, priority, disk, what is installed. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { finding, type Finding, type Grade } from '../../contract/finding.js';
import { requestFifo } from '../../realtime/fifo.js';
import { monotonicMs } from '../../realtime/monotonic.js';

/** Four cameras of 74 KB a frame at 50 Hz (facts/hardware.md 7) [bytes/s]. */
const RECORDING_RATE = 4 * 74e3 * 50;
/** Twice what recording writes: the disk also has others to serve. */
const ENOUGH_RATE = 2 * RECORDING_RATE;
const TEST_BYTES = 64e6;
const PIECE_BYTES = 1e6;
/** An hour of recording, and a tenth of that. */
const ENOUGH_SPACE = 3600 * RECORDING_RATE;
const LEAST_SPACE = ENOUGH_SPACE / 10;
/** Steps of the clock that are looked at, and the longest that is fine [ms]. */
const CLOCK_STEPS = 10_000;
const CLOCK_RESOLUTION_MS = 0.01;

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

export function checkMachine(episodeFolder: string, rosDistribution: string | undefined): Finding[] {
  return [
    checkProcessors(),
    checkClock(),
    checkPriority(),
    ...checkDisk(episodeFolder),
    checkProgram('ffmpeg', 'videos and cameras through it', 'apt-get install ffmpeg'),
    checkRos(rosDistribution),
  ];
}

const machine = (what: string, grade: Grade, found: string, fix?: string): Finding =>
  finding('machine', what, grade, found, fix);

function checkProcessors(): Finding {
  const cores = availableParallelism();
  return cores >= 2
    ? machine('processors', 'ok', `${cores}`)
    : machine(
        'processors',
        'warn',
        `${cores}: the control loop and the policy share it`,
        'use a machine with two cores or more',
      );
}

function checkClock(): Finding {
  let finest = Infinity;
  let backwards = 0;
  for (let step = 0, before = monotonicMs(); step < CLOCK_STEPS; step++) {
    const now = monotonicMs();
    if (now < before) backwards++;
    else if (now > before) finest = Math.min(finest, now - before);
    before = now;
  }
  const found = `monotonic clock, steps of ${(finest * 1000).toFixed(2)} us`;
  return backwards === 0 && finest <= CLOCK_RESOLUTION_MS
    ? machine('clock', 'ok', found)
    : machine(
        'clock',
        'fail',
        `${found}, ${backwards} steps backwards`,
        'look at /sys/devices/system/clocksource: tsc or kvm-clock is needed',
      );
}

function checkPriority(): Finding {
  const { granted, advice = '' } = requestFifo();
  return granted
    ? machine('real-time priority', 'ok', 'granted')
    : machine('real-time priority', 'warn', 'refused', advice);
}

function checkDisk(folder: string): Finding[] {
  const file = join(folder, `.alohad-check-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const rate = free > 4 * TEST_BYTES ? writeRate(file) : 0;
    return [
      machine(
        'disk space',
        free >= ENOUGH_SPACE ? 'ok' : free >= LEAST_SPACE ? 'warn' : 'fail',
        `${megabytes(free)} free for ${folder}; an hour of four cameras takes ${megabytes(ENOUGH_SPACE)}`,
        free >= ENOUGH_SPACE ? undefined : 'free some space, or record to another folder',
      ),
      machine(
        'disk speed',
        rate >= ENOUGH_RATE ? 'ok' : rate >= RECORDING_RATE ? 'warn' : 'fail',
        `${megabytes(rate)}/s; recording writes up to ${megabytes(RECORDING_RATE)}/s`,
        rate >= ENOUGH_RATE ? undefined : 'record to a local solid-state disk',
      ),
    ];
  } catch (error) {
    return [
      machine(
        'disk',
        'fail',
        `cannot write to ${folder}: ${error instanceof Error ? error.message : String(error)}`,
        'give the rig another folder for episodes, or rights to this one',
      ),
    ];
  } finally {
    rmSync(file, { force: true });
  }
}

/** What reaches the disk, not its cache [bytes/s]. */
function writeRate(file: string): number {
  const piece = Buffer.alloc(PIECE_BYTES, 0x5a);
  const descriptor = openSync(file, 'w');
  try {
    const began = performance.now();
    for (let written = 0; written < TEST_BYTES; written += PIECE_BYTES) writeSync(descriptor, piece);
    fsyncSync(descriptor);
    return (TEST_BYTES / (performance.now() - began)) * 1000;
  } finally {
    closeSync(descriptor);
  }
}

function checkProgram(name: string, purpose: string, install: string): Finding {
  const { error, stdout } = spawnSync(name, ['-version'], { encoding: 'utf8' });
  return error
    ? machine(name, 'warn', `not installed: no ${purpose}`, install)
    : machine(name, 'ok', stdout.split('\n')[0] ?? '');
}

function checkRos(distribution: string | undefined): Finding {
  return distribution !== undefined && existsSync(`/opt/ros/${distribution}`)
    ? machine('ROS 2', 'ok', distribution)
    : machine(
        'ROS 2',
        'skip',
        distribution === undefined ? 'not sourced in this shell' : `${distribution}, not in /opt/ros`,
      );
}
