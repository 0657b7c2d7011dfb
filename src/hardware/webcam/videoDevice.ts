/** What the system knows of a V4L2 device: its USB bus, and the modes that it has. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface VideoDevice {
  /** What the path leads to, such as /dev/video0. */
  readonly device: string;
  /** As the camera calls itself. */
  readonly product?: string;
  readonly usb?: {
    /** Cameras of one bus share its bandwidth. */
    readonly bus: number;
    /** [Mbit/s]: 480 is high speed. */
    readonly speed: number;
  };
}

const NAMES = '/dev/v4l/by-id';
/** Folders between a video device and its USB device: interface, device. */
const LEVELS_UP = 3;
/** ffmpeg only asks the device and ends [ms]. */
const PATIENCE_MS = 5000;

/** Video devices that have names of their own, by path. */
export function namedVideoDevices(folder = NAMES): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

/** Undefined when there is no such device. */
export function videoDevice(path: string, sysfs = '/sys'): VideoDevice | undefined {
  let device: string;
  try {
    device = realpathSync(path);
  } catch {
    return undefined;
  }
  const link = join(sysfs, 'class/video4linux', basename(device), 'device');
  if (!existsSync(link)) return { device };
  let folder = realpathSync(link);
  for (let up = 0; up < LEVELS_UP; up++, folder = join(folder, '..')) {
    const bus = read(join(folder, 'busnum'));
    if (bus === undefined) continue;
    const product = read(join(folder, 'product'));
    return {
      device,
      ...(product !== undefined && { product }),
      usb: { bus: Number(bus), speed: Number(read(join(folder, 'speed')) ?? 0) },
    };
  }
  return { device };
}

/** Sizes in which a device offers MJPEG, such as `640x480`; undefined where ffmpeg is not installed or learns nothing. */
export function mjpegSizes(path: string, program = 'ffmpeg'): string[] | undefined {
  const asked = spawnSync(program, ['-hide_banner', '-f', 'v4l2', '-list_formats', 'all', '-i', path], {
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  });
  // "[video4linux2,v4l2 @ 0x..] Compressed:       mjpeg :          Motion-JPEG : 640x480 160x90 ..."
  const line = /Compressed:\s*mjpeg\s*:[^:\n]*:([^\n]*)/.exec(asked.stderr ?? '');
  return line ? line[1]!.trim().split(/\s+/) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
