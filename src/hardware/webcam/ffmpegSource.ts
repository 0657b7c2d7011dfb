/**
 * Frames through ffmpeg: devices as they come (`-c copy`, nothing is encoded), other videos and test pictures as MJPEG.
 *
 * ffmpeg ends with code 0 when a device is unplugged and waits for ever when it stalls (facts/hardware.md 7): what it
 * writes to its error output says why it ended, and the stall timer is `Capture`'s.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { monotonicMs } from '../../realtime/monotonic.js';
import { JpegSplitter } from './jpegSplitter.js';
import {
  fault,
  type CameraFault,
  type CameraSpec,
  type RunningSource,
  type SourceListener,
} from './source.js';

/** Of what ffmpeg says, the end is kept. */
const KEPT_CHARACTERS = 4000;

/** Near lossless: test pictures and videos are to look like what they are [ffmpeg qscale]. */
const QUALITY = '3';

export function startFfmpeg(spec: CameraSpec, listener: SourceListener, program = 'ffmpeg'): RunningSource {
  const splitter = new JpegSplitter(listener);
  let said = '';
  let over = false;
  const end = (reason: CameraFault): void => {
    if (over) return;
    over = true;
    splitter.end();
    listener.onEnd(reason);
  };
  const child = spawn(program, ffmpegArguments(spec), { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.on('data', (piece: Buffer) => {
    if (!over) splitter.push(piece, monotonicMs());
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  });
  child.on('error', () => {
    end(
      fault(
        'unavailable',
        `${program} is not installed, and ${describe(spec)} needs it: apt-get install ffmpeg. ` +
          'MJPEG files and HTTP MJPEG streams work without.',
      ),
    );
  });
  child.on('close', () => {
    end(faultOf(spec, said));
  });
  return {
    stop: () => {
      over = true;
      // A process that hangs in a device's driver does not hear anything gentler.
      child.kill('SIGKILL');
    },
  };
}

export function ffmpegArguments({ origin, width, height, fps }: CameraSpec): string[] {
  const size = `${width}x${height}`;
  const encode = ['-an', '-c:v', 'mjpeg', '-q:v', QUALITY, '-pix_fmt', 'yuvj420p'];
  const out = ['-f', 'mjpeg', '-flush_packets', '1', 'pipe:1'];
  // One thread: a picture is 5 ms of work, and the processors belong to the robot.
  const quiet = ['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'warning', '-threads', '1'];
  switch (origin.kind) {
    case 'device': {
      const mode = ['-input_format', 'mjpeg', '-framerate', `${fps}`, '-video_size', size];
      return [...quiet, '-f', 'v4l2', ...mode, '-i', origin.path, '-c', 'copy', ...out];
    }
    case 'file': {
      const shape = ['-vf', `fps=${fps},scale=${width}:${height}`, '-threads', '1'];
      return [...quiet, '-re', '-stream_loop', '-1', '-i', origin.path, ...shape, ...encode, ...out];
    }
    case 'test': {
      // What a source of lavfi draws in, however large it is by itself.
      const shape = ['-vf', `fps=${fps},scale=${width}:${height}`, '-threads', '1'];
      return [
        ...quiet,
        '-re',
        '-f',
        'lavfi',
        '-i',
        sized(origin.filter, size, fps),
        ...shape,
        ...encode,
        ...out,
      ];
    }
    case 'url':
      return [...quiet, '-i', origin.url, '-c', 'copy', ...out];
    default:
      return origin satisfies never;
  }
}

/** A source without settings of its own gets ours: scaling costs more than drawing at the right size. */
const sized = (filter: string, size: string, fps: number): string =>
  /[=,;]/.test(filter) ? filter : `${filter}=size=${size}:rate=${fps}`;

const describe = ({ origin }: CameraSpec): string => {
  switch (origin.kind) {
    case 'device':
    case 'file':
      return origin.path;
    case 'test':
      return `test picture ${origin.filter}`;
    case 'url':
      return origin.url;
    default:
      return origin satisfies never;
  }
};

/** Parts of what ffmpeg says, by errno text of Linux; the first that fits counts. */
const COMPLAINTS: readonly [pattern: RegExp, state: CameraFault['state'], advice: string][] = [
  [
    /No space left on device/,
    'no space',
    'the USB controller has no bandwidth left ("No space left on device"): plug it into another controller, or lower fps or size',
  ],
  [/Device or resource busy/, 'unavailable', 'another program uses it: close that'],
  [/Permission denied/, 'unavailable', 'no permission: add yourself to the group video and log in again'],
  [
    /No such device|No such file or directory|Input\/output error/,
    'unplugged',
    'it is not there: plug it in, look at the path',
  ],
  [
    /Cannot find a proper format|Invalid argument|not a video capture device/i,
    'wrong mode',
    'it does not offer MJPEG in this size and rate: see alohad check',
  ],
];

function faultOf(spec: CameraSpec, said: string): CameraFault {
  const what = describe(spec);
  for (const [pattern, state, advice] of COMPLAINTS) {
    if (pattern.test(said)) return fault(state, `${what}: ${advice}`);
  }
  // Unplugged in the middle, ffmpeg sees an ordinary end.
  if (spec.origin.kind === 'device' && !existsSync(spec.origin.path))
    return fault('unplugged', `${what}: it is not there any more: plug it in`);
  const last = said.trim().split('\n').at(-1) ?? '';
  return fault('unavailable', `${what}: ffmpeg ended${last === '' ? '' : `: ${last}`}`);
}
