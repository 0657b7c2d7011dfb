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
import type { Finding } from '../../contract/finding.js';
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

function checkProcessors(): Finding {
  const cores = availableParallelism();
  return cores >= 2
    ? { subject: 'machine', what: 'processors', grade: 'ok', found: `${cores}` }
    : {
        subject: 'machine',
        what: 'processors',
        grade: 'warn',
        found: `${cores}: the control loop and the policy share it`,
        fix: 'use a machine with two cores or more',
      };
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
    ? { subject: 'machine', what: 'clock', grade: 'ok', found }
    : {
        subject: 'machine',
        what: 'clock',
        grade: 'fail',
        found: `${found}, ${backwards} steps backwards`,
        fix: 'look at /sys/devices/system/clocksource: tsc or kvm-clock is needed',
      };
}

function checkPriority(): Finding {
  const { granted, advice = '' } = requestFifo();
  return granted
    ? { subject: 'machine', what: 'real-time priority', grade: 'ok', found: 'granted' }
    : { subject: 'machine', what: 'real-time priority', grade: 'warn', found: 'refused', fix: advice };
}

function checkDisk(folder: string): Finding[] {
  const file = join(folder, `.alohad-check-${process.pid}`);
  try {
    mkdirSync(folder, { recursive: true });
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const space: Finding = {
      subject: 'machine',
      what: 'disk space',
      grade: free >= ENOUGH_SPACE ? 'ok' : free >= LEAST_SPACE ? 'warn' : 'fail',
      found: `${megabytes(free)} free for ${folder}; an hour of four cameras takes ${megabytes(ENOUGH_SPACE)}`,
      ...(free < ENOUGH_SPACE && { fix: 'free some space, or record to another folder' }),
    };
    const rate = free > 4 * TEST_BYTES ? writeRate(file) : 0;
    return [
      space,
      {
        subject: 'machine',
        what: 'disk speed',
        grade: rate >= ENOUGH_RATE ? 'ok' : rate >= RECORDING_RATE ? 'warn' : 'fail',
        found: `${megabytes(rate)}/s; recording writes up to ${megabytes(RECORDING_RATE)}/s`,
        ...(rate < ENOUGH_RATE && { fix: 'record to a local solid-state disk' }),
      },
    ];
  } catch (error) {
    return [
      {
        subject: 'machine',
        what: 'disk',
        grade: 'fail',
        found: `cannot write to ${folder}: ${error instanceof Error ? error.message : String(error)}`,
        fix: 'give the rig another folder for episodes, or rights to this one',
      },
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
    ? {
        subject: 'machine',
        what: name,
        grade: 'warn',
        found: `not installed: no ${purpose}`,
        fix: install,
      }
    : { subject: 'machine', what: name, grade: 'ok', found: stdout.split('\n')[0] ?? '' };
}

function checkRos(distribution: string | undefined): Finding {
  return distribution !== undefined && existsSync(`/opt/ros/${distribution}`)
    ? { subject: 'machine', what: 'ROS 2', grade: 'ok', found: distribution }
    : {
        subject: 'machine',
        what: 'ROS 2',
        grade: 'skip',
        found: distribution === undefined ? 'not sourced in this shell' : `${distribution}, not in /opt/ros`,
      };
}
