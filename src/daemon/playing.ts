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
  const runs = await Promise.all(
    Array.from({ length: threads }, async (_, thread) => {
      const mine = starts.map((__, index) => index).filter((index) => index % threads === thread);
      return await runControlThread(
        { ...job, starts: mine.map((index) => starts[index]!) },
        (event) => {
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
        },
        signal,
      );
    }),
  );
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

/** Who `policy` means: `script`, a shipped policy's name or a checkpoint folder. */
export const sourceOf = (policy: string, task: TaskName): SourceChoice =>
  policy === 'script'
    ? { kind: 'script', waypointNoiseM: 0, timing: 0 }
    : { kind: 'policy', folder: checkpointFolder(policy, task) };
