/** Findings about cameras: there, in the mode asked for, at the rate asked for, and within what USB can carry. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rig } from '../../config/rig.js';
import { isCameraFault } from '../../contract/camera.js';
import { finding, type Finding } from '../../contract/finding.js';
import type { CameraSpec } from '../../hardware/webcam/source.js';
import { mjpegSizes, namedVideoDevices, videoDevice } from '../../hardware/webcam/videoDevice.js';
import type { Webcams } from '../../hardware/webcam/webcams.js';
import { cameraSpecs, openWebcams } from '../rigCameras.js';

/** How long frames are counted [ms]. */
const LOOK_MS = 2000;
/** A slower camera is told: light is short, or its mode is another one. */
const ENOUGH_RATE = 0.9;
/** What isochronous transfers of one high-speed bus carry at most [bytes/s]: 3 x 1024 bytes, 8000 times a second. */
const HIGH_SPEED_BYTES = 24.6e6;
const HIGH_SPEED_MBIT = 480;
/** Cameras reserve more than they send: pictures with more detail than those that were seen. */
const RESERVE = 1.5;

interface Measured {
  readonly spec: CameraSpec;
  /** [1/s]; 0 when it showed nothing. */
  readonly rate: number;
  /** Mean size of a picture. */
  readonly bytes: number;
}

export async function checkCameras(rig: Rig): Promise<Finding[]> {
  const specs = cameraSpecs(rig);
  const modes = specs.flatMap(checkDevice);
  const webcams = await openWebcams(rig);
  if (!webcams) return [tellDevices()];
  try {
    await sleep(LOOK_MS);
    const measured = specs.map((spec) => measure(spec, webcams));
    return [...modes, ...measured.map((one) => checkPictures(one, webcams)), ...checkBuses(measured)];
  } finally {
    await webcams.close();
  }
}

/** A rig without cameras: what could be put into it. */
function tellDevices(): Finding {
  const found = namedVideoDevices();
  return finding(
    'cameras',
    'found',
    'skip',
    found.length === 0
      ? 'the rig has none, and none is plugged in'
      : `the rig has none; there are ${found.join(', ')}`,
  );
}

function checkDevice({ name, origin, width, height }: CameraSpec): Finding[] {
  if (origin.kind !== 'device') return [];
  const device = videoDevice(origin.path);
  if (!device) {
    const others = namedVideoDevices().join(', ') || 'none';
    return [
      finding(
        name,
        'device',
        'fail',
        `${origin.path} is not there`,
        `plug it in; cameras that are there: ${others}`,
      ),
    ];
  }
  const { product = 'camera', usb } = device;
  const where = usb ? `, USB bus ${usb.bus} at ${usb.speed} Mbit/s` : '';
  const is = `${product} (${device.device}${where})`;
  const sizes = mjpegSizes(origin.path);
  if (!sizes)
    return [finding(name, 'device', 'ok', is), finding(name, 'modes', 'skip', 'ffmpeg was not told any')];
  const size = `${width}x${height}`;
  return [
    finding(name, 'device', 'ok', is),
    sizes.includes(size)
      ? finding(name, 'modes', 'ok', `MJPEG ${size}`)
      : finding(
          name,
          'modes',
          'fail',
          `no MJPEG in ${size}; it has ${sizes.join(' ')}`,
          'choose one of these in the rig',
        ),
  ];
}

function measure(spec: CameraSpec, webcams: Webcams): Measured {
  const ring = webcams.ring(spec.name);
  const { oldest, newest } = ring;
  const frames = newest - oldest + 1;
  const elapsedMs = (ring.captureMs(newest) ?? 0) - (ring.captureMs(oldest) ?? 0);
  let bytes = 0;
  for (let sequence = oldest; sequence <= newest; sequence++) bytes += ring.read(sequence)?.bytes.length ?? 0;
  return {
    spec,
    rate: frames > 1 && elapsedMs > 0 ? ((frames - 1) * 1000) / elapsedMs : 0,
    bytes: frames > 0 ? bytes / frames : 0,
  };
}

function checkPictures({ spec, rate, bytes }: Measured, webcams: Webcams): Finding {
  const { name, width, height, fps } = spec;
  const status = webcams.statuses.find(({ camera }) => camera === name)!;
  if (isCameraFault(status.state)) {
    return finding(
      name,
      'pictures',
      'fail',
      `${status.state}: ${status.message}`,
      'mend that, then check again',
    );
  }
  const damaged = webcams.ring(name).damaged;
  const found =
    `${width}x${height} at ${rate.toFixed(1)} of ${fps} a second, ${(bytes / 1000).toFixed(0)} KB each` +
    (damaged > 0 ? `, ${damaged} damaged` : '');
  return rate >= ENOUGH_RATE * fps && damaged === 0
    ? finding(name, 'pictures', 'ok', found)
    : finding(
        name,
        'pictures',
        'warn',
        found,
        damaged > 0
          ? 'use another cable, without a hub'
          : 'give it more light or a fixed exposure, or a rate that it has',
      );
}

/** What the cameras of each USB bus need together, from the pictures that they showed. */
function checkBuses(measured: readonly Measured[]): Finding[] {
  const needs = new Map<number, { bytesPerS: number; cameras: string[]; speed: number }>();
  for (const { spec, bytes } of measured) {
    if (spec.origin.kind !== 'device') continue;
    const usb = videoDevice(spec.origin.path)?.usb;
    if (!usb) continue;
    const bus = needs.get(usb.bus) ?? { bytesPerS: 0, cameras: [], speed: usb.speed };
    bus.bytesPerS += RESERVE * bytes * spec.fps;
    bus.cameras.push(spec.name);
    needs.set(usb.bus, bus);
  }
  return [...needs].map(([bus, need]) => checkBus(bus, need));
}

/** Exported for tests: machines that test have no cameras. */
export function checkBus(
  bus: number,
  { bytesPerS, cameras, speed }: { bytesPerS: number; cameras: readonly string[]; speed: number },
): Finding {
  const available = HIGH_SPEED_BYTES * (Math.max(speed, HIGH_SPEED_MBIT) / HIGH_SPEED_MBIT);
  const found =
    `${cameras.join(', ')} may need ${(bytesPerS / 1e6).toFixed(1)} of ${(available / 1e6).toFixed(1)} MB/s ` +
    '(an estimate from the pictures seen)';
  return bytesPerS <= available
    ? finding(`usb ${bus}`, 'bandwidth', 'ok', found)
    : finding(
        `usb ${bus}`,
        'bandwidth',
        'warn',
        found,
        'plug some of them into another controller (lsusb -t), or lower fps; at most two on a hub',
      );
}
