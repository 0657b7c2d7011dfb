/**
 * A video of RGB frames: MP4 through ffmpeg where it is installed, else an animated PNG of a tenth of the frames.
 * Frames are handed to ffmpeg as they come, so memory does not grow with the length.
 */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { StorageError } from '../contract/errors.js';
import type { Image } from './image.js';
import { resize } from './image.js';
import { encodeAnimatedPng } from './png.js';

export interface VideoResult {
  /** The file that was written; its ending differs from the one asked for when ffmpeg is missing. */
  readonly path: string;
  readonly frames: number;
  /** What a person should know, where something had to be done differently. */
  readonly note?: string;
}

export interface VideoWriter {
  /** Adds a frame of the video's size. Resolves when the next one may be given. The bytes may be reused then. */
  add(rgb: Uint8Array): Promise<void>;
  /** Completes the file. Throws StorageError when it could not be written. */
  finish(): Promise<VideoResult>;
  /** Gives it up: what was written is removed. Safe after `finish`, which it does not undo. */
  cancel(): Promise<void>;
}

export interface VideoQuality {
  /** A key frame every so many frames, for those who jump to single ones. */
  readonly keyFrameEvery: number;
  /** x264's constant rate factor: 0 lossless, 51 worst. */
  readonly rateFactor: number;
}

/** Width of an animated PNG, and the most frames that it keeps: such files grow fast. */
const ANIMATION_WIDTH = 320;
const ANIMATION_KEEP_EVERY = 10;

/** Whether ffmpeg can be started. */
export const ffmpegInstalled = (): boolean =>
  spawnSync('ffmpeg', ['-version'], { stdio: 'ignore' }).status === 0;

/** Opens a video file of one frame size. */
export function openVideo(path: string, width: number, height: number, framesPerSecond: number): VideoWriter {
  return ffmpegInstalled()
    ? openFfmpegVideo(path, width, height, framesPerSecond)
    : new AnimationVideo(path, width, height, framesPerSecond);
}

/** Opens an MP4 of H.264 and nothing else; ffmpeg must be there. */
export const openFfmpegVideo = (
  path: string,
  width: number,
  height: number,
  framesPerSecond: number,
  quality?: VideoQuality,
): VideoWriter => new FfmpegVideo(path, width, height, framesPerSecond, quality);

class FfmpegVideo implements VideoWriter {
  readonly #path: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<boolean>;
  #complaint = '';
  #finished = false;
  #frames = 0;

  constructor(
    path: string,
    width: number,
    height: number,
    framesPerSecond: number,
    quality: VideoQuality | undefined,
  ) {
    this.#path = path;
    const input = [
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      '-s',
      `${width}x${height}`,
      '-r',
      `${framesPerSecond}`,
    ];
    // yuv420p and even sizes: what browsers and players can show.
    const output = [
      '-an',
      '-vf',
      'pad=ceil(iw/2)*2:ceil(ih/2)*2',
      '-pix_fmt',
      'yuv420p',
      '-movflags',
      '+faststart',
    ];
    // Without frames that refer to later ones, so that the first is shown at time 0.
    const coding = quality
      ? ['-c:v', 'libx264', '-g', `${quality.keyFrameEvery}`, '-bf', '0', '-crf', `${quality.rateFactor}`]
      : [];
    const args = ['-y', '-loglevel', 'error', ...input, '-i', '-', ...output, ...coding, path];
    // In a process group of its own: Ctrl-C is for us, and we close the file.
    this.#process = spawn('ffmpeg', args, { detached: true });
    this.#process.stderr.on('data', (text: Buffer) => (this.#complaint += text.toString()));
    this.#process.stdin.on('error', () => undefined); // its exit code and complaint tell more
    this.#exit = new Promise((resolve) => this.#process.once('close', (code) => resolve(code === 0)));
  }

  async add(rgb: Uint8Array): Promise<void> {
    this.#frames++;
    const { stdin } = this.#process;
    if (!stdin.writable) throw this.#failure();
    // The copy lets the caller reuse its buffer while the pipe drains.
    if (stdin.write(Buffer.from(rgb))) return;
    // A broken pipe is told by how ffmpeg exits.
    const drained = once(stdin, 'drain').catch(async () => await this.#exit);
    await Promise.race([drained, this.#exit]);
  }

  async finish(): Promise<VideoResult> {
    this.#process.stdin.end();
    if (!(await this.#exit)) throw this.#failure();
    this.#finished = true;
    return { path: this.#path, frames: this.#frames };
  }

  async cancel(): Promise<void> {
    if (this.#finished) return;
    this.#process.kill('SIGKILL');
    await this.#exit;
    await rm(this.#path, { force: true });
  }

  #failure(): StorageError {
    return new StorageError(
      `ffmpeg could not write ${this.#path}: ${this.#complaint.trim() || 'it stopped without a word'}`,
    );
  }
}

class AnimationVideo implements VideoWriter {
  readonly #path: string;
  readonly #width: number;
  readonly #height: number;
  readonly #framesPerSecond: number;
  readonly #kept: Image[] = [];
  #frames = 0;

  constructor(path: string, width: number, height: number, framesPerSecond: number) {
    this.#path = path.replace(/\.[^./\\]*$/, '') + '.png';
    this.#width = width;
    this.#height = height;
    this.#framesPerSecond = framesPerSecond;
  }

  add(rgb: Uint8Array): Promise<void> {
    if (this.#frames++ % ANIMATION_KEEP_EVERY === 0) {
      const width = Math.min(ANIMATION_WIDTH, this.#width);
      const frame = { width: this.#width, height: this.#height, rgb };
      this.#kept.push(resize(frame, width, Math.round((width * this.#height) / this.#width)));
    }
    return Promise.resolve();
  }

  cancel(): Promise<void> {
    this.#kept.length = 0;
    return Promise.resolve();
  }

  async finish(): Promise<VideoResult> {
    const bytes = encodeAnimatedPng(this.#kept, this.#framesPerSecond / ANIMATION_KEEP_EVERY);
    try {
      await writeFile(this.#path, bytes);
    } catch (error) {
      throw new StorageError(`${this.#path} could not be written: ${String(error)}`, {
        cause: error,
      });
    }
    const note = `ffmpeg was not found, so this is an animated PNG of every ${ANIMATION_KEEP_EVERY}th frame; install ffmpeg for an mp4`;
    return { path: this.#path, frames: this.#frames, note };
  }
}
