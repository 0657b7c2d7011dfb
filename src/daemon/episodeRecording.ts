/** Records the episodes of a workcell into a folder: one recorder, begun and ended with each episode. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RecorderState } from '../contract/apiState.js';
import { FULL_FRAME } from '../contract/camera.js';
import type { EpisodeOutcome } from '../contract/episode.js';
import type { StepListener } from '../contract/step.js';
import { storing } from '../contract/systemError.js';
import type { TakeVerdict } from '../contract/takes.js';
import type { StartPose } from '../contract/task.js';
import { EpisodeStore } from '../episodes/episodeStore.js';
import { EPISODE_SUFFIX, PART_SUFFIX, TORN_SUFFIX } from '../episodes/episodeWriter.js';
import { writeLabel } from '../episodes/label.js';
import { Recorder, type Recording } from '../episodes/recorder.js';
import type { Clock } from '../realtime/clock.js';
import { GRIPPER } from '../simulation/gripper.js';
import type { ControlJob, KeptEpisode, RecordChoice } from './controlJob.js';
import { version } from './parts.js';
import type { CellPhysics, Workcell } from './workcell.js';

/** Free disk space that an episode with images of four cameras may need [bytes]. */
const RESERVE_BYTES = 200e6;

/** What is stored of the job that an episode belongs to. */
export type RecordedJob = Pick<ControlJob, 'rig' | 'source' | 'pace' | 'shakeRad'>;

export class EpisodeRecording {
  readonly #job: RecordedJob;
  readonly #choice: RecordChoice;
  readonly #store: EpisodeStore;
  readonly #recorder: Recorder;
  readonly #cameras: readonly string[];
  readonly #sourceName: string;
  readonly #judged: boolean;
  readonly #sceneSha256: string | undefined;
  readonly #deafen: (() => void) | undefined;

  /** The robot must be connected. */
  constructor(
    job: RecordedJob,
    choice: RecordChoice,
    { robot, physics, webcams, judge }: Workcell,
    sourceName: string,
  ) {
    this.#job = job;
    this.#choice = choice;
    this.#sourceName = sourceName;
    this.#store = EpisodeStore.open(choice.directory, { create: true });
    this.#cameras = choice.images === 'jpeg' ? robot.images.cameras : [];
    this.#recorder = new Recorder({
      ...(physics && {
        physicsState: reader(physics),
        environmentSize: physics.environmentStateSize,
      }),
      ...(choice.images === 'jpeg' &&
        webcams && {
          captured: webcams.cameras.map((camera) => ({ camera, ring: webcams.ring(camera) })),
        }),
      ...(choice.images === 'jpeg' &&
        !webcams && {
          cameras: {
            source: robot.images,
            requests: this.#cameras.map((camera) => ({ camera, ...FULL_FRAME })),
            encoderModule: new URL('./jpegEncoder.js', import.meta.url).href,
          },
        }),
    });
    this.#judged = judge !== undefined;
    this.#sceneSha256 = physics?.sceneSha256;
    this.#deafen = webcams?.listen((status) => this.#recorder.event('camera', { ...status }));
  }

  get listener(): StepListener {
    return this.#recorder;
  }

  /** How full the recorder's queue is. */
  get state(): RecorderState {
    return this.#recorder.state;
  }

  /** A clock that also waits for the recorder: for runs faster than the disk. */
  paced(clock: Clock): Clock {
    const recorder = this.#recorder;
    return {
      realTime: clock.realTime,
      get missed() {
        return clock.missed;
      },
      start: () => {
        clock.start();
      },
      waitForTick: (until) => {
        if (!clock.realTime) recorder.waitForRoom();
        return clock.waitForTick(until);
      },
    };
  }

  /** `label` tells several episodes of one start apart in their names; `extra` is stored with the episode. */
  async begin(start: StartPose, label = '', extra: Readonly<Record<string, string>> = {}): Promise<void> {
    const { rig, pace } = this.#job;
    await this.#recorder.begin({
      folder: this.#choice.directory,
      name: this.#name(start, label),
      reserveBytes: RESERVE_BYTES,
      realTime: pace === 'realtime',
      info: {
        task: rig.task,
        backend: rig.backend,
        source: this.#sourceName,
        seed: start.seed,
        startObjects: [...start.objects],
        softwareVersion: version,
        gripper: GRIPPER,
        cameras: this.#cameras,
        extra: {
          pace,
          ...(this.#sceneSha256 !== undefined && { sceneSha256: this.#sceneSha256 }),
          source: JSON.stringify(this.#job.source),
          shakeRad: String(this.#job.shakeRad ?? 0),
          ...(!this.#judged && { judged: 'no' }),
          ...extra,
        },
      },
      attachments: [
        { name: 'rig.json', mediaType: 'application/json', data: Buffer.from(JSON.stringify(rig, null, 2)) },
      ],
    });
  }

  /**
   * Keeps or discards the episode as was asked for; where nothing tells a success it is kept, for a person to label.
   * Throws StorageError.
   */
  async end(outcome: EpisodeOutcome & { readonly interrupted: boolean }): Promise<KeptEpisode> {
    const { keep } = this.#choice;
    const wanted = !this.#judged || keep === 'all' || (keep === 'successes') === outcome.success;
    if (outcome.interrupted || !wanted) {
      await this.#recorder.discard();
      return {};
    }
    return kept(await this.#recorder.finish(this.#judged ? { success: outcome.success } : {}));
  }

  /** Keeps what a person led, with that person's verdict. Throws StorageError. */
  async keep(
    verdict: TakeVerdict & { readonly keep: true },
  ): Promise<KeptEpisode & { readonly success: boolean }> {
    const { success, note } = verdict;
    this.#recorder.event('label', { success, note });
    const recording = await this.#recorder.finish(success === undefined ? {} : { success });
    if (note !== '' || (success !== undefined && !this.#judged))
      writeLabel(recording.path, recording.outcome.success, note);
    return { ...kept(recording), success: recording.outcome.success };
  }

  /** What is known of the episode before its end. */
  note(name: string, facts: Readonly<Record<string, unknown>>): void {
    this.#recorder.event(name, facts);
  }

  /** Throws away what there is of the episode: it failed, or nobody wants it. */
  async giveUp(): Promise<void> {
    await this.#recorder.discard();
  }

  /** After a fault in the loop: what was finished stays as a torn file, which `episodes recover` makes whole. */
  async close(): Promise<void> {
    this.#deafen?.();
    await this.#recorder.close();
  }

  /** Parallel worlds share a folder: names come from seeds, which they do not share. */
  #name({ seed }: StartPose, label: string): string {
    const name = `seed_${String(seed).padStart(7, '0')}${label}`;
    if (this.#choice.replace) {
      for (const suffix of [EPISODE_SUFFIX, PART_SUFFIX, TORN_SUFFIX])
        storing(this.#choice.directory, () =>
          rmSync(join(this.#choice.directory, name + suffix), { force: true }),
        );
      return name;
    }
    for (let again = 1; ; again++) {
      const candidate = again === 1 ? name : `${name}_${again}`;
      if (!existsSync(this.#store.path(candidate))) return candidate;
    }
  }
}

const kept = ({ path, outcome: { rejected } }: Recording): KeptEpisode => ({
  recorded: path,
  ...(rejected !== undefined && { rejected }),
});

function reader(physics: CellPhysics): () => Float64Array {
  const state = new Float64Array(physics.stateSize);
  return () => {
    physics.getState(state);
    return state;
  };
}
