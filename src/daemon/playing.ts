/** Plays one episode from each start pose, in as many control threads as asked for. */
import type { Rig } from '../config/rig.js';
import type { StartPose, TaskName } from '../contract/task.js';
import type { ControlJob, ControlTiming, EpisodeResult, SourceChoice } from './controlJob.js';
import { runControlThread, type ControlEvent } from './controlThread.js';
import { checkpointFolder } from './parts.js';

/** What happens while episodes are played; `index` is the place of its start pose in the list. */
export interface PlayListener {
  onReady?(ready: Extract<ControlEvent, { kind: 'ready' }>): void;
  onWarning(text: string): void;
  onStep?(index: number, event: Extract<ControlEvent, { kind: 'step' }>): void;
  onFrame?(index: number, event: Extract<ControlEvent, { kind: 'frame' }>): void;
  onEpisode(index: number, result: EpisodeResult): void;
}

export interface Played {
  readonly interrupted: boolean;
  /** Of each thread. */
  readonly timings: readonly ControlTiming[];
}

/** Each thread takes every n-th pose. Throws the named errors of scenes, checkpoints and cameras. */
export async function playStarts(
  job: Omit<ControlJob, 'starts'>,
  starts: readonly StartPose[],
  workers: number,
  listener: PlayListener,
  signal: AbortSignal,
): Promise<Played> {
  const threads = Math.min(workers, starts.length);
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const playShare = async (thread: number): ReturnType<typeof runControlThread> => {
    const mine = starts.map((_, index) => index).filter((index) => index % threads === thread);
    const onEvent = (event: ControlEvent): void => {
      switch (event.kind) {
        case 'ready':
          listener.onReady?.(event);
          break;
        case 'warning':
          listener.onWarning(event.text);
          break;
        case 'step':
          listener.onStep?.(mine[event.episode]!, event);
          break;
        case 'frame':
          listener.onFrame?.(mine[event.episode]!, event);
          break;
        case 'episode':
          listener.onEpisode(mine[event.episode]!, event.result);
          break;
        default:
          event satisfies never;
      }
    };
    try {
      return await runControlThread({ ...job, starts: mine.map((index) => starts[index]!) }, onEvent, stop);
    } catch (error) {
      // The others would play on for a result that nobody gets.
      failed.abort();
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: threads }, (_, thread) => playShare(thread)));
  const runs = ended.map((end) => {
    if (end.status === 'rejected') throw end.reason;
    return end.value;
  });
  return {
    interrupted: runs.some(({ interrupted }) => interrupted),
    timings: runs.map(({ timing }) => timing),
  };
}

/** How a user may change what the rig file says about execution. */
export interface ExecutionChoice {
  readonly mode?: Rig['execution']['mode'];
  readonly decay?: number;
  readonly threads?: number;
}

/** The rig with those changes. */
export function withExecution(rig: Rig, { mode, decay, threads }: ExecutionChoice): Rig {
  const { execution } = rig;
  return {
    ...rig,
    execution: {
      mode: mode ?? execution.mode,
      decay: decay ?? execution.decay,
      threads: threads ?? execution.threads,
    },
  };
}

/** Who `policy` means: `script`, `teleop`, a shipped policy's name or a checkpoint folder. */
export const sourceOf = (policy: string, task: TaskName): SourceChoice =>
  policy === 'script'
    ? { kind: 'script', waypointNoiseM: 0, timing: 0 }
    : policy === 'teleop'
      ? { kind: 'teleop' }
      : { kind: 'policy', folder: checkpointFolder(policy, task) };
